import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { emptyDatabase, postgresPack, testStore, unprivileged } from '../../test/support/store.ts';
import type { Change } from '../domain/changes.ts';
import { PlatformError } from '../lib/errors.ts';
import { newId } from '../lib/ids.ts';
import { until } from '../lib/wait.ts';
import { notify } from './changes.ts';
import { insertCluster } from './clusters.ts';
import { migrate, migrationsDirectory } from './migrate.ts';
import { registerPlatform } from './platform.ts';
import { openStore, violatedConstraint } from './store.ts';
import { insertTeam } from './teams.ts';
import { createVault } from './vault.ts';

const refused = (pattern: RegExp) => (error: unknown) =>
  error instanceof PlatformError && error.kind === 'refused' && pattern.test(error.publicMessage);

test('schema.sql is what the migrations make', async () => {
  await using database = await emptyDatabase();
  await using store = openStore({ connection: database.url });
  await migrate(store);
  const dump = execFileSync(
    join(postgresPack().binDir, 'pg_dump'),
    ['--schema-only', '--no-owner', '--no-privileges', '--dbname', database.url],
    { ...unprivileged(), encoding: 'utf8', cwd: '/' },
  );
  const schema = dump
    .split('\n')
    .filter((line) => !/^(--|SET |SELECT pg_catalog|\\)/.test(line))
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
    .concat('\n');
  const file = join(import.meta.dirname, 'schema.sql');
  if (process.env.UPDATE_SCHEMA) await writeFile(file, schema);
  assert.equal(
    schema,
    await readFile(file, 'utf8'),
    'run this test with UPDATE_SCHEMA=1 and commit the file',
  );
});

test('migrations are applied once, also by two starts at the same moment', async () => {
  await using database = await emptyDatabase();
  await using one = openStore({ connection: database.url });
  await using two = openStore({ connection: database.url });
  const applied = await Promise.all([migrate(one), migrate(two)]);
  assert.deepEqual(applied.map((names) => names.length > 0).sort(), [false, true]);
});

test('a store from a newer version and an edited migration are refused', async () => {
  await using database = await emptyDatabase();
  await using store = openStore({ connection: database.url });
  const directory = await mkdtemp(join(tmpdir(), 'mooring-migrations-'));
  try {
    await cp(migrationsDirectory, directory, { recursive: true });
    await writeFile(join(directory, '9999_future.sql'), 'create table future (id int);');
    await migrate(store, directory);
    await assert.rejects(migrate(store), refused(/newer Mooring.*9999_future/));
    await writeFile(join(directory, '9999_future.sql'), 'create table future (id bigint);');
    await assert.rejects(migrate(store, directory), refused(/9999_future.sql was edited/));
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('a migration that fails leaves nothing behind', async () => {
  await using database = await emptyDatabase();
  await using store = openStore({ connection: database.url });
  const directory = await mkdtemp(join(tmpdir(), 'mooring-migrations-'));
  try {
    await writeFile(join(directory, '0001_first.sql'), 'create table first (id int); select 1 / 0;');
    await assert.rejects(migrate(store, directory));
    const { rows } = await store.pool.query("select to_regclass('first') as first");
    assert.deepEqual(rows, [{ first: null }]);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('a unique violation is a conflict that names its constraint', async () => {
  await using store = await testStore();
  const team = await insertTeam(store.db, 'payments', { clusters: 1, instances: 1, memoryMb: 1, diskGb: 1 });
  const row = {
    team_id: team.id,
    name: 'orders',
    engine: 'mysql' as const,
    version: '9.7',
    topology: 'single' as const,
    size: 'small' as const,
    lifecycle: 'creating' as const,
    created_by: 'someone',
  };
  await insertCluster(store.db, { id: newId(), ...row });
  await assert.rejects(
    insertCluster(store.db, { id: newId(), ...row }),
    (error: unknown) =>
      error instanceof PlatformError &&
      error.kind === 'conflict' &&
      violatedConstraint(error) === 'clusters_name',
  );
});

test('a store that is not there is unavailable', async () => {
  await using store = openStore({ connection: 'postgres://nobody@127.0.0.1:1/nothing' });
  await assert.rejects(
    store.db.selectFrom('teams').selectAll().execute(),
    (error: unknown) => error instanceof PlatformError && error.kind === 'unavailable',
  );
});

test('changes are heard when their transaction commits, and again after the connection was lost', async () => {
  await using store = await testStore();
  const heard: Change[] = [];
  let reconnects = 0;
  await using _ = await store.listen(
    (change) => heard.push(change),
    () => reconnects++,
  );
  await store
    .transaction(async (tx) => {
      await notify(tx, { kind: 'cluster', name: 'never' });
      throw new Error('rolled back');
    })
    .catch(() => {});
  await store.transaction((tx) => notify(tx, { kind: 'cluster', name: 'orders' }));
  await until('the change', () => heard.length > 0, { deadlineMs: 5_000 });
  assert.deepEqual(heard, [{ kind: 'cluster', name: 'orders' }]);

  await store.pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %' and datname = current_database()",
  );
  await until('the listener to come back', () => reconnects === 1, { deadlineMs: 5_000 });
  await notify(store.db, { kind: 'cluster', name: 'again' });
  await until('the second change', () => heard.length > 1, { deadlineMs: 5_000 });
});

test('a sealed secret opens only with its key, cluster and name', () => {
  const vault = createVault(randomBytes(32));
  const sealed = vault.seal('cluster-a', 'password', 'pässword');
  assert.equal(vault.open('cluster-a', 'password', sealed), 'pässword');
  assert.ok(!sealed.includes('pässword'));
  assert.throws(() => vault.open('cluster-b', 'password', sealed), PlatformError);
  assert.throws(() => vault.open('cluster-a', 'other', sealed), PlatformError);
  assert.throws(() => createVault(randomBytes(32)).open('cluster-a', 'password', sealed), PlatformError);
  const tampered = Buffer.from(sealed);
  tampered[tampered.length - 1]! ^= 1;
  assert.throws(() => vault.open('cluster-a', 'password', tampered), PlatformError);
});

test('a store that belongs to one platform refuses another', async () => {
  await using store = await testStore();
  await registerPlatform(store, 'aaaaaaaa-0000-4000-8000-000000000001');
  await registerPlatform(store, 'aaaaaaaa-0000-4000-8000-000000000001');
  await assert.rejects(
    registerPlatform(store, 'aaaaaaaa-0000-4000-8000-000000000002'),
    /belongs to another platform/,
  );
});
