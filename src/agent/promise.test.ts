import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type Home, homeOf } from './home.ts';
import { openPromise } from './promise.ts';

describe('the promise file', () => {
  let home: Home;
  beforeEach(() => {
    home = homeOf(mkdtempSync(join(tmpdir(), 'mooring-promise-')));
    mkdirSync(home.state);
    mkdirSync(home.files.volume);
  });
  afterEach(() => rmSync(home.files.home, { recursive: true }));

  it('promises the term of the first assignment, and remembers it', async () => {
    assert.equal((await openPromise(home, 3)).record.term, 3);
    assert.equal((await openPromise(home, 1)).record.term, 3);
  });

  it('keeps what was promised, by whom, and the rule to revoke', async () => {
    const store = await openPromise(home, 1);
    const rule = { term: 1, leader: 'a', cohort: ['a', 'b'], ackers: ['b'], k: 1 };
    const position = { kind: 'lsn', timeline: 1, received: '0/1', replayed: '0/1' } as const;
    const record = {
      term: 7,
      coordinator: 'c1',
      round: 2,
      outgoingRule: rule,
      rewindFloor: '0/5',
      highestReceived: position,
    };
    await store.save(record);
    assert.deepEqual((await openPromise(home, 1)).record, record);
  });

  it('cannot be lowered', async () => {
    const store = await openPromise(home, 5);
    await assert.rejects(store.save({ ...store.record, term: 4 }), /cannot be lowered/);
  });

  it('is refused when it is torn at any byte', async () => {
    await openPromise(home, 12);
    const whole = readFileSync(home.promise, 'utf8');
    for (let length = 0; length < whole.length; length += 1) {
      writeFileSync(home.promise, whole.slice(0, length));
      await assert.rejects(openPromise(home, 1), /stays closed/, `torn after ${length} bytes`);
    }
  });

  it('is refused when it is of another shape', async () => {
    await openPromise(home, 12);
    for (const text of ['null', '[]', '{}', '{"term":"12"}', '{"term":-1,"coordinator":null}']) {
      writeFileSync(home.promise, text);
      await assert.rejects(openPromise(home, 1), /stays closed/, text);
    }
  });

  it('is refused when it is missing on a volume that has had one', async () => {
    await openPromise(home, 12);
    rmSync(home.promise);
    await assert.rejects(openPromise(home, 1), /is missing/);
  });

  it('survives a crash between the file and its marker', async () => {
    await openPromise(home, 12);
    rmSync(home.promiseMarker);
    assert.equal((await openPromise(home, 1)).record.term, 12);
    rmSync(home.promise);
    await assert.rejects(openPromise(home, 1), /is missing/);
  });
});
