import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barOf, packProgressBar } from '../host/progress-bar.ts';
import { add, formatTotals, noTests, parseTotals } from './summary.ts';
import { tierOf } from './tiers.ts';

const spec = `✔ a test (1ms)
ℹ tests 12
ℹ suites 0
ℹ pass 9
ℹ fail 1
ℹ cancelled 1
ℹ skipped 1
ℹ todo 0
ℹ duration_ms 5.2
`;

test("totals are read from the test runner's own summary", () => {
  const expected = { tests: 12, pass: 9, fail: 1, cancelled: 1, skipped: 1, todo: 0 };
  assert.deepEqual(parseTotals(spec), expected);
  assert.deepEqual(parseTotals(spec.replaceAll('ℹ', '#')), expected);
  assert.equal(parseTotals('it crashed'), undefined);
});

test('the last line counts what was cancelled as failed', () => {
  const totals = add(parseTotals(spec) ?? noTests, { ...noTests, tests: 1, pass: 1 });
  const lines = formatTotals(totals).split('\n');
  assert.equal(lines[0], '# tests 13');
  assert.equal(lines.at(-1), '10 passed, 2 failed, 1 skipped');
});

test('a test file belongs to the tier that its name and place say', () => {
  assert.equal(tierOf('src/lib/wait.test.ts'), 'unit');
  assert.equal(tierOf('src/engines/mysql/driver.engine.test.ts'), 'engines');
  assert.equal(tierOf('test/create.test.ts'), 'platform');
});

test('progress is a bar in a terminal and a line per phase elsewhere', () => {
  const progress = {
    ...({ engine: 'mysql', version: '9.7', phase: 'download', message: 'downloading 1 MB of 2 MB' } as const),
    ...{ fraction: 0.5, bytes: 1_000_000, totalBytes: 2_000_000 },
  };
  assert.match(barOf(progress), /^MySQL 9\.7 +█{12}░{12} {2}50 % {2}downloading 1 MB of 2 MB$/);
  let written = '';
  const bar = packProgressBar({ write: (text) => (written += text) });
  bar.onProgress(progress);
  bar.onProgress({ ...progress, fraction: 0.6 });
  assert.equal(written, 'MySQL 9.7: downloading packages (2 MB)\n');
});
