/**
 * Brings a store to this version: numbered SQL files, applied in order in one transaction under an
 * advisory lock, so that several platform processes may start at once.
 *
 * What was applied is remembered with its checksum. A store that is newer than this program, or a
 * migration that was edited after it had been applied, is refused: guessing would corrupt the truth.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { PlatformError } from '../lib/errors.ts';
import { mapStoreError, type Store } from './store.ts';

export const migrationsDirectory = join(import.meta.dirname, 'migrations');

/** Any constant will do, as long as nobody else uses it in this database. */
const migrationLock = 7_308_620_015;

export type Migration = { number: number; name: string; sql: string; checksum: string };

export async function readMigrations(directory = migrationsDirectory): Promise<Migration[]> {
  const files = (await readdir(directory)).filter((file) => /^\d{4}_\w+\.sql$/.test(file)).sort();
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(directory, file), 'utf8');
      return {
        number: Number(file.slice(0, 4)),
        name: file,
        sql: text,
        checksum: createHash('sha256').update(text).digest('hex'),
      };
    }),
  );
}

/** Returns the names of the migrations that this call applied. */
export async function migrate(store: Store, directory = migrationsDirectory): Promise<string[]> {
  const migrations = await readMigrations(directory);
  let client: pg.PoolClient;
  try {
    client = await store.pool.connect();
  } catch (error) {
    throw mapStoreError(error);
  }
  try {
    await client.query('begin');
    const applied = await applyAll(client, migrations);
    await client.query('commit');
    client.release();
    return applied;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    client.release(true);
    throw mapStoreError(error);
  }
}

async function applyAll(client: pg.PoolClient, migrations: Migration[]): Promise<string[]> {
  await client.query('select pg_advisory_xact_lock($1)', [migrationLock]);
  await client.query(`create table if not exists schema_migrations (
    number int primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
  )`);
  const { rows } = await client.query<{ number: number; name: string; checksum: string }>(
    'select number, name, checksum from schema_migrations order by number',
  );
  const known = new Map(migrations.map((migration) => [migration.number, migration]));
  for (const row of rows) {
    const migration = known.get(row.number);
    if (migration === undefined) {
      throw new PlatformError('refused', `The store was written by a newer Mooring (it has ${row.name})`, {
        hint: 'Start the newer version, or use another data directory',
      });
    }
    if (migration.checksum !== row.checksum) {
      throw new PlatformError('refused', `Migration ${migration.name} was edited after it had been applied`, {
        hint: 'Restore the file and put the change into a new migration',
      });
    }
  }
  const done = new Set(rows.map((row) => row.number));
  const applied: string[] = [];
  for (const migration of migrations.filter((candidate) => !done.has(candidate.number))) {
    await client.query(migration.sql);
    await client.query('insert into schema_migrations (number, name, checksum) values ($1, $2, $3)', [
      migration.number,
      migration.name,
      migration.checksum,
    ]);
    applied.push(migration.name);
  }
  return applied;
}
