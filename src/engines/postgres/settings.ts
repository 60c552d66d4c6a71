/** Changing settings of a running server so that the change is in force when the call returns. */
import pg from 'pg';
import { until } from '../../lib/wait.ts';
import type { Settings } from './configuration.ts';
import type { Connection } from './connection.ts';

/**
 * ALTER SYSTEM (which survives a restart) and a reload, then waits until a session sees the values.
 * Values that are in force already cost two round trips and no write.
 */
export async function alterSystem(connection: Connection, wanted: Settings): Promise<void> {
  const names = Object.keys(wanted);
  const current = await valuesOf(connection, names);
  const written = await writtenValuesOf(connection, names);
  const different = names.filter((name) => current[name] !== wanted[name] || written[name] !== wanted[name]);
  if (different.length === 0) return;
  for (const name of different) {
    await connection.query(`ALTER SYSTEM SET ${name} = ${literal(wanted[name] ?? '')}`);
  }
  await connection.query('SELECT pg_reload_conf()');
  await until(
    `${different.join(', ')} to be in force`,
    async () => {
      const seen = await valuesOf(connection, different);
      return different.every((name) => seen[name] === wanted[name]);
    },
    { deadlineMs: 5000, everyMs: 1, maxEveryMs: 10 },
  );
}

/** Reloads files that were written, and waits until the server has read them. */
export async function reload(connection: Connection): Promise<void> {
  const time = () => connection.query<{ at: string }>('SELECT pg_conf_load_time()::text AS at');
  const before = (await time()).rows[0]?.at;
  await connection.query('SELECT pg_reload_conf()');
  await until('the server to reload its files', async () => (await time()).rows[0]?.at !== before, {
    deadlineMs: 5000,
    everyMs: 1,
    maxEveryMs: 10,
  });
}

async function valuesOf(connection: Connection, names: string[]): Promise<Settings> {
  const { rows } = await connection.query<{ name: string; value: string }>(
    'SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS name',
    [names],
  );
  return Object.fromEntries(rows.map((row) => [row.name, row.value]));
}

/** What the next start will read: differs from what is in force after a crash between the two steps. */
async function writtenValuesOf(connection: Connection, names: string[]): Promise<Settings> {
  const { rows } = await connection.query<{ name: string; value: string }>(
    `SELECT name, setting AS value FROM pg_file_settings
      WHERE name = ANY ($1::text[]) AND sourcefile LIKE '%/postgresql.auto.conf' ORDER BY seqno`,
    [names],
  );
  return Object.fromEntries(rows.map((row) => [row.name, row.value]));
}

/** Without escapeLiteral's E'' form, so that the value stands as it is written for the server's scanner. */
function literal(value: string): string {
  return pg.escapeLiteral(value).trimStart();
}
