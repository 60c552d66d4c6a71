import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Pack } from '../domain/packs.ts';
import { PlatformError } from '../lib/errors.ts';
import { claimInstalled, parsePlan, selectHostSettings } from './apt.ts';
import { aptReason } from './errors.ts';
import { hostPack } from './host.ts';
import { findPack, listPacks, readPack } from './packs.ts';
import { isVersion, parseVersion, recipeFor } from './recipes.ts';

async function directory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'mooring-packs-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

async function writePack(root: string, engine: Pack['engine'], version: string): Promise<void> {
  await mkdir(join(root, 'bin'), { recursive: true });
  const pack: Pack = {
    ...{ engine, version, fullVersion: `${version}.1`, origin: 'fetched', root, binDir: join(root, 'bin') },
    mysql: {
      pluginDir: join(root, 'root/plugin'),
      messagesDir: join(root, 'root/share'),
      charsetsDir: join(root, 'root/share/charsets'),
    },
    packages: [],
  };
  await writeFile(join(root, 'pack.json'), JSON.stringify(pack));
}

async function writeProgram(path: string, says: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho '${says}'\n`);
  await chmod(path, 0o755);
}

test('a configured pack comes before a fetched one', async () => {
  await using configured = await directory();
  await using fetched = await directory();
  const find = () =>
    findPack({
      ...{ engine: 'mysql', version: '9.7', hostBinaries: false },
      directory: fetched.path,
      configured: configured.path,
    });
  assert.equal(await find(), undefined);
  await writePack(join(fetched.path, 'mysql-9.7'), 'mysql', '9.7');
  assert.equal((await find())?.origin, 'fetched');
  await writePack(join(configured.path, 'mysql-9.7'), 'mysql', '9.7');
  assert.equal((await find())?.origin, 'configured');
});

test('a pack that was moved is found with paths that are true for its new place', async () => {
  await using place = await directory();
  await writePack(join(place.path, 'before'), 'mysql', '9.7');
  await rename(join(place.path, 'before'), join(place.path, 'after'));
  const pack = readPack(join(place.path, 'after'), 'configured');
  assert.equal(pack?.binDir, join(place.path, 'after/bin'));
  assert.equal(pack?.mysql?.pluginDir, join(place.path, 'after/root/plugin'));
});

test('a configured directory with another version inside is refused', async () => {
  await using place = await directory();
  await writePack(join(place.path, 'mysql-9.7'), 'mysql', '8.4');
  const find = findPack({ engine: 'mysql', version: '9.7', directory: place.path, configured: place.path });
  await assert.rejects(
    find,
    (error) => error instanceof PlatformError && /says mysql 8.4/.test(error.message),
  );
});

test('a damaged pack.json is an error that names the file', async () => {
  await using place = await directory();
  await writeFile(join(place.path, 'pack.json'), '{');
  assert.throws(() => readPack(place.path, 'fetched'), /pack\.json is damaged/);
});

test('packs are listed once each, and unfinished ones not at all', async () => {
  await using place = await directory();
  await writePack(join(place.path, 'postgres-17'), 'postgres', '17');
  await writePack(join(place.path, 'mysql-9.7.partial'), 'mysql', '9.7');
  const listed = listPacks({ directory: place.path, configured: place.path });
  assert.deepEqual(
    listed.map((pack) => `${pack.engine} ${pack.version} ${pack.origin}`),
    ['postgres 17 configured'],
  );
});

test("the host's binaries count only when they are complete and of the right version", async () => {
  await using host = await directory();
  const bin = join(host.path, 'usr/lib/postgresql/17/bin');
  const { programs, modules } = recipeFor('postgres', '17');
  for (const name of programs.slice(0, -1)) await writeProgram(join(bin, name), 'postgres (PostgreSQL) 17.3');
  for (const module of modules) await writeProgram(join(host.path, module), '');
  assert.equal(await hostPack('postgres', '17', host.path, host.path), undefined);
  await writeProgram(join(bin, programs.at(-1)!), '');
  const pack = await hostPack('postgres', '17', host.path, host.path);
  assert.equal(pack?.fullVersion, '17.3');
  assert.equal(pack?.binDir, bin);
});

test("the host's MySQL needs its semi-synchronous and clone plugins, and gets one directory of programs", async () => {
  await using host = await directory();
  const { programs } = recipeFor('mysql', '9.7');
  for (const name of programs) {
    const place = name === 'mysqld' ? 'usr/sbin' : 'usr/bin';
    await writeProgram(join(host.path, place, name), `${name}  Ver 9.7.4 for Linux on x86_64`);
  }
  await mkdir(join(host.path, 'usr/share/mysql/charsets'), { recursive: true });
  const find = () => hostPack('mysql', '9.7', join(host.path, 'packs'), host.path);
  await writeProgram(join(host.path, 'usr/lib/mysql/plugin/semisync_source.so'), '');
  await writeProgram(join(host.path, 'usr/lib/mysql/plugin/semisync_replica.so'), '');
  assert.equal(await find(), undefined);
  await writeProgram(join(host.path, 'usr/lib/mysql/plugin/mysql_clone.so'), '');
  const pack = await find();
  assert.equal(pack?.fullVersion, '9.7.4');
  assert.equal(pack?.binDir, join(host.path, 'packs/mysql-9.7.host'));
});

test("versions are read from the servers' own words", () => {
  assert.equal(parseVersion('mysqld  Ver 9.7.4-2 for debian-linux-gnu on x86_64'), '9.7.4');
  assert.equal(parseVersion('postgres (PostgreSQL) 17.11 (Debian 17.11-0+deb13u1)'), '17.11');
  assert.equal(parseVersion('command not found'), undefined);
  assert.ok(isVersion('9.7.4', '9.7'));
  assert.ok(isVersion('18.0', '18'));
  assert.ok(!isVersion('9.70.1', '9.7'));
});

test('an unknown version is refused with the versions that exist', () => {
  assert.throws(() => recipeFor('postgres', '9'), /no pack for PostgreSQL 9. Versions: 17, 18, 15/);
});

test("apt's plan gives names, versions with epochs, sizes and hashes", () => {
  const hash = 'a'.repeat(64);
  const output = `'http://m/pool/libx_1.0-1_amd64.deb' libx_2%3a1.0-1_amd64.deb 42 SHA256:${hash}\nE: noise\n`;
  assert.deepEqual(parsePlan(output), [
    { file: 'libx_2%3a1.0-1_amd64.deb', name: 'libx', version: '2:1.0-1', sizeBytes: 42, sha256: hash },
  ]);
  assert.deepEqual(parsePlan(`'http://m/x' libx_1_amd64.deb 42 MD5Sum:${'a'.repeat(32)}`), []);
});

test('only perl is claimed for any architecture', () => {
  const status = claimInstalled(['perl', 'ucf'], 'arm64');
  assert.equal(status.match(/^Architecture: arm64$/gm)?.length, 2);
  assert.match(status, /Package: perl\n(.*\n){2}Multi-Arch: allowed/);
  assert.match(status, /Package: ucf\n(.*\n){2}Multi-Arch: foreign/);
});

test("of the host's apt settings only proxies and dates of the index count", () => {
  const dump = [
    'Acquire::http::Proxy "http://proxy:3128";',
    'Acquire::https::deb.debian.org::Proxy "DIRECT";',
    'Acquire::Check-Valid-Until "false";',
    'Acquire::AllowInsecureRepositories "true";',
    'APT::Update::Post-Invoke:: "rm -f /var/cache/apt/*.bin";',
  ].join('\n');
  assert.deepEqual(selectHostSettings(dump).trim().split('\n').length, 3);
  assert.doesNotMatch(selectHostSettings(dump), /Insecure|Invoke/);
});

test("apt's reasons are shown once each", () => {
  const output =
    'Err:1 http://m x\nE: Failed to fetch http://m/x  404\nE: Failed to fetch http://m/x  404\nReading...';
  assert.equal(aptReason(output), 'Err:1 http://m x; Failed to fetch http://m/x  404');
  assert.equal(aptReason(''), 'apt gave no reason.');
});
