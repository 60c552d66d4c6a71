import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { tryLock } from './lock.ts';
import { identify } from './processes.ts';

function directory(): Disposable & { lock: string; path: string } {
  const path = mkdtempSync(join(tmpdir(), 'mooring-lock-'));
  return {
    path,
    lock: join(path, 'lock'),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

test('a lock is held by one and names its holder', () => {
  using place = directory();
  const first = tryLock(place.lock);
  assert.ok(first.held);
  const second = tryLock(place.lock);
  assert.ok(!second.held);
  assert.equal(second.holder.pid, process.pid);
  first.release();
  assert.deepEqual(readdirSync(place.path), [], 'nothing is left behind');
  assert.ok(tryLock(place.lock).held);
});

test('a lock whose process is gone is taken over', async () => {
  using place = directory();
  const child = spawn('true');
  await once(child, 'exit');
  writeFileSync(place.lock, JSON.stringify({ pid: child.pid, startTime: '1' }));
  assert.ok(tryLock(place.lock).held);
});

test('a pid that now belongs to another process does not hold the lock', () => {
  using place = directory();
  writeFileSync(place.lock, JSON.stringify({ pid: process.pid, startTime: '1' }));
  assert.ok(tryLock(place.lock).held);
});

test('a lock that cannot be read is taken over', () => {
  using place = directory();
  writeFileSync(place.lock, 'half a');
  assert.ok(tryLock(place.lock).held);
});

test('releasing leaves a lock alone that somebody else took meanwhile', () => {
  using place = directory();
  const mine = tryLock(place.lock);
  assert.ok(mine.held);
  const other = JSON.stringify(identify(process.ppid));
  writeFileSync(place.lock, other);
  mine.release();
  assert.equal(readFileSync(place.lock, 'utf8'), other);
});

test('of many processes that find a stale lock exactly one takes it', async () => {
  using place = directory();
  writeFileSync(place.lock, JSON.stringify({ pid: 1, startTime: 'stale' }));
  const script = `import { tryLock } from ${JSON.stringify(join(import.meta.dirname, 'lock.ts'))};
    console.log(tryLock(process.argv[1]).held);
    process.stdin.resume();`;
  const children = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ['--input-type=module-typescript', '-e', script, place.lock]),
  );
  const answers = await Promise.all(
    children.map(async (child) => String((await once(child.stdout, 'data'))[0]).trim()),
  );
  for (const child of children) child.stdin.end();
  await Promise.all(children.map((child) => child.exitCode ?? once(child, 'exit')));
  assert.deepEqual(answers.sort(), ['false', 'false', 'false', 'false', 'false', 'true']);
});
