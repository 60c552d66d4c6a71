import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorKind, httpStatusOf, PlatformError } from '../lib/errors.ts';
import { expectedError, problemOf } from './problems.ts';

test('every kind of error has a status of its family, and the kind is in the answer', () => {
  for (const [kind, status] of Object.entries(httpStatusOf)) {
    assert.ok(status >= 400 && status < 600);
    const problem = problemOf(new PlatformError(kind as ErrorKind, 'What happened'), 'request-1');
    assert.equal(problem.kind, kind);
    assert.equal(problem.status, status);
    assert.equal(problem.detail, 'What happened');
    assert.equal(problem.requestId, 'request-1');
  }
});

test('context and cause of an expected error are not shown', () => {
  const error = new PlatformError('unavailable', 'Not now', {
    hint: 'Try again',
    context: { inside: 'internal-fact' },
    cause: new Error('internal-cause'),
  });
  const text = JSON.stringify(problemOf(expectedError(error), 'r'));
  assert.ok(!text.includes('internal'));
  assert.match(text, /Try again/);
});

test('an unexpected error shows nothing but the id under which the log has it', () => {
  const problem = problemOf(expectedError(new TypeError('x is not a function at /srv/secret.ts')), 'r-77');
  assert.equal(problem.status, 500);
  assert.ok(!JSON.stringify(problem).includes('secret.ts'));
  assert.match(problem.hint ?? '', /r-77/);
});

test('a store that does not answer is 503, whatever words the driver has for it', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), {
    code: 'ECONNREFUSED',
    syscall: 'connect',
  });
  const starting = Object.assign(new Error('the database system is starting up'), { code: '57P03' });
  for (const error of [refused, starting, new Error('Connection terminated unexpectedly')]) {
    assert.equal(problemOf(expectedError(error), 'r').status, 503);
  }
});
