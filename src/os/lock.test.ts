import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { tryLock } from './lock.ts';
import { identify, readPidFile } from './processes.ts';

function directory(): Disposable & { lock: string; path: string } {
  const path = mkdtempSync(join(tmpdir(), 'mooring-lock-'));
  return {
    path,
    lock: join(path, 'lock'),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** A process that tries to take the lock, says whether it has, and keeps it until it is killed. */
async function taker(path: string) {
  const script = `import { tryLock } from ${JSON.stringify(join(import.meta.dirname, 'lock.ts'))};
    console.log((await tryLock(process.argv[1])).held);
    process.stdin.resume();`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const held = String((await once(child.stdout, 'data'))[0]).trim() === 'true';
  return {
    held,
    pid: child.pid,
    async kill() {
      child.kill('SIGKILL');
      await (child.exitCode ?? child.signalCode ?? once(child, 'exit'));
    },
  };
}

test('a lock is held by one and names its holder', async () => {
  using place = directory();
  const first = await tryLock(place.lock);
  assert.ok(first.held);
  const second = await tryLock(place.lock);
  assert.ok(!second.held);
  assert.equal(second.holder?.pid, process.pid);
  first.release();
  assert.deepEqual(readdirSync(place.path), [], 'nothing is left behind');
  assert.ok((await tryLock(place.lock)).held);
});

test('a lock goes with its process, however that ends', async () => {
  using place = directory();
  const holder = await taker(place.lock);
  assert.ok(holder.held);
  const refused = await tryLock(place.lock);
  assert.ok(!refused.held);
  assert.equal(refused.holder?.pid, holder.pid);
  await holder.kill();
  assert.ok((await tryLock(place.lock)).held);
  assert.deepEqual(readPidFile(place.lock), identify(process.pid));
});

for (const [what, text] of [
  ['is damaged', 'half a'],
  ['names a pid that another process has now', JSON.stringify({ pid: process.pid, startTime: '1' })],
  ['is gone', undefined],
] as const) {
  test(`whether the lock is held does not depend on a pid file that ${what}`, async () => {
    using place = directory();
    const spoil = () => (text === undefined ? rmSync(place.lock) : writeFileSync(place.lock, text));
    if (text !== undefined) spoil();
    const holder = await tryLock(place.lock);
    assert.ok(holder.held);
    spoil();
    assert.deepEqual(await tryLock(place.lock), { held: false, holder: undefined });
    holder.release();
    assert.ok((await tryLock(place.lock)).held);
  });
}

test('a live process that the pid file names keeps others out, as when it is in another container', async () => {
  using place = directory();
  const other = identify(process.ppid);
  writeFileSync(place.lock, JSON.stringify(other));
  assert.deepEqual(await tryLock(place.lock), { held: false, holder: other });
  assert.deepEqual(JSON.parse(readFileSync(place.lock, 'utf8')), other, 'and its file stays');
  rmSync(place.lock);
  assert.ok((await tryLock(place.lock)).held, 'the attempt has kept nothing');
});

test('two names of one place are one lock', async () => {
  using place = directory();
  using elsewhere = directory();
  const link = join(elsewhere.path, 'link');
  symlinkSync(place.path, link);
  assert.ok((await tryLock(place.lock)).held);
  assert.ok(!(await tryLock(join(link, 'lock'))).held);
});

test('releasing leaves a pid file alone that names somebody else', async () => {
  using place = directory();
  const mine = await tryLock(place.lock);
  assert.ok(mine.held);
  const other = JSON.stringify(identify(process.ppid));
  writeFileSync(place.lock, other);
  mine.release();
  assert.equal(readFileSync(place.lock, 'utf8'), other);
});

test('of many processes that find a stale pid file exactly one takes the lock', async () => {
  using place = directory();
  writeFileSync(place.lock, JSON.stringify({ pid: 1, startTime: 'stale' }));
  const takers = await Promise.all(Array.from({ length: 6 }, () => taker(place.lock)));
  await Promise.all(takers.map((each) => each.kill()));
  assert.equal(takers.filter((each) => each.held).length, 1);
});
