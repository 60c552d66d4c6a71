import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PlatformError } from '../../lib/errors.ts';
import { identify } from '../../os/processes.ts';
import { ensureAccount, requireTraversable } from './account.ts';
import { dataDirectoryPath, openDataDirectory, readFacts, runningPlatform } from './data-directory.ts';

function directory(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'mooring-data-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

const open = (path: string, version = '1.0.0') => openDataDirectory({ path, version, account: null });

const refusal =
  (message: RegExp, kind = 'refused') =>
  (error: unknown) => {
    assert.ok(error instanceof PlatformError, String(error));
    assert.equal(error.kind, kind);
    assert.match(error.publicMessage, message);
    assert.ok(error.hint, 'says what to do');
    return true;
  };

test('the data directory is the named one, else the environment, else the place for this user', () => {
  assert.equal(dataDirectoryPath('/named', { MOORING_DATA: '/env' }, 0), '/named');
  assert.equal(dataDirectoryPath(undefined, { MOORING_DATA: '/env' }, 0), '/env');
  assert.equal(dataDirectoryPath(undefined, { MOORING_DATA: '' }, 0), '/var/lib/mooring');
  assert.equal(dataDirectoryPath(undefined, { XDG_DATA_HOME: '/xdg' }, 1000), '/xdg/mooring');
  assert.equal(dataDirectoryPath(undefined, { HOME: '/home/ann' }, 1000), '/home/ann/.local/share/mooring');
});

test('a new directory is made with its parents, and keeps its identity over restarts', async () => {
  using place = directory();
  const path = join(place.path, 'deep/data');
  const first = await open(path);
  await first.update({ ports: { agents: 7601 }, address: 'http://127.0.0.1:7600' });
  first.release();
  const second = await open(path, '1.1.0');
  assert.equal(second.facts.id, first.facts.id);
  assert.deepEqual(second.facts.ports, { agents: 7601 });
  assert.equal(readFacts(path)?.version, '1.1.0');
  assert.equal(statSync(path).mode & 0o777, 0o700);
  assert.equal(statSync(join(path, 'keys')).mode & 0o777, 0o700);
  second.release();
});

test('a directory in use by another platform is refused with its process and address', async () => {
  using place = directory();
  const first = await open(place.path);
  await first.update({ address: 'http://127.0.0.1:7600' });
  assert.equal(runningPlatform(place.path)?.process.pid, process.pid);
  const said = new RegExp(`runs as process ${process.pid} and serves http://127.0.0.1:7600`);
  await assert.rejects(open(place.path), refusal(said, 'conflict'));
  first.release();
  assert.equal(runningPlatform(place.path), undefined);
});

test('the lock of a platform that was killed is taken over', async () => {
  using place = directory();
  const me = identify(process.pid);
  writeFileSync(join(place.path, 'platform.lock'), JSON.stringify({ ...me, startTime: '1' }));
  (await open(place.path)).release();
});

test('a directory from a newer version is refused and left as it is', async () => {
  using place = directory();
  const facts = { id: 'x', version: '9.0.0', dataFormat: 99, createdAt: '', ports: {} };
  const text = JSON.stringify(facts);
  writeFileSync(join(place.path, 'platform.json'), text);
  await assert.rejects(open(place.path), refusal(/written by Mooring 9\.0\.0, which is newer/));
  assert.equal(readFileSync(join(place.path, 'platform.json'), 'utf8'), text);
  assert.ok(!existsSync(join(place.path, 'platform.lock')), 'and not locked');
});

test('a damaged platform.json is refused and left as it is', async () => {
  using place = directory();
  writeFileSync(join(place.path, 'platform.json'), '{"id":');
  await assert.rejects(open(place.path), refusal(/platform\.json is damaged/));
  assert.equal(readFileSync(join(place.path, 'platform.json'), 'utf8'), '{"id":');
});

test('a file in the place of the directory is refused', async () => {
  using place = directory();
  writeFileSync(join(place.path, 'file'), '');
  await assert.rejects(open(join(place.path, 'file')), refusal(/is not a directory/));
  await assert.rejects(open(join(place.path, 'file/data')), refusal(/is not writable for user/));
});

test('a directory that cannot be written is refused with the user', {
  skip: process.getuid?.() === 0 && 'root may write everywhere',
}, async () => {
  using place = directory();
  chmodSync(place.path, 0o500);
  await assert.rejects(open(place.path), refusal(/is not writable for user \S+:/));
  await assert.rejects(open(join(place.path, 'data')), refusal(/is not writable for user \S+:/));
  chmodSync(place.path, 0o700);
});

test('the file system of the kernel is not writable, not even for root', async () => {
  await assert.rejects(open('/proc/mooring'), refusal(/is not writable for user/));
});

test('an account that cannot enter a directory on the way is told, with the command that helps', () => {
  using place = directory();
  const account = { name: 'somebody', uid: 12345, gid: 12345 };
  const inner = join(place.path, 'a/b');
  mkdirSync(inner, { recursive: true });
  chmodSync(place.path, 0o711);
  chmodSync(join(place.path, 'a'), 0o700);
  assert.throws(
    () => requireTraversable(inner, account),
    refusal(/somebody.* cannot enter .*\/a on the way/),
  );
  chmodSync(join(place.path, 'a'), 0o711);
  requireTraversable(join(inner, 'not/yet/there'), account);
  requireTraversable(inner, null);
});

test('a user runs databases as that user, and root never as root', () => {
  using place = directory();
  const passwd = join(place.path, 'passwd');
  writeFileSync(passwd, 'root:x:0:0::/:/bin/sh\nann:x:1000:1000::/:/bin/sh\nmooring:x:990:980::/:/bin/sh\n');
  assert.equal(ensureAccount(undefined, { uid: 1000, passwd }), null);
  assert.equal(ensureAccount('ann', { uid: 1000, passwd }), null);
  assert.throws(() => ensureAccount('mooring', { uid: 1000, passwd }), refusal(/Only root/));
  assert.deepEqual(ensureAccount(undefined, { uid: 0, passwd }), { name: 'mooring', uid: 990, gid: 980 });
  assert.throws(() => ensureAccount('root', { uid: 0, passwd }), refusal(/cannot run as root/));
  assert.throws(() => ensureAccount('ghost', { uid: 0, passwd }), refusal(/no account ghost/));
});
