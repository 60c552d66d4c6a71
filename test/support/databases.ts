/** Ordinary clients of both engines behind one small face, so that a test reads the same for both. */
import mysql from 'mysql2/promise';
import pg from 'pg';
import { until } from '../../src/lib/wait.ts';
import type { Created } from './platform.ts';

export type Address = { host: string; port: number };

export type Database = {
  /** Rows as arrays of strings. */
  query(sql: string): Promise<string[][]>;
  end(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

export async function openDatabase(created: Created, address: Address): Promise<Database> {
  const { user, password, database } = created.account;
  const login = { host: address.host, port: address.port, user, password, database };
  if (created.engine === 'mysql') {
    const connection = await mysql.createConnection({
      ...login,
      ssl: { rejectUnauthorized: false },
      connectTimeout: 10_000,
      rowsAsArray: true,
    });
    connection.on('error', () => {});
    const end = async () => connection.destroy();
    return {
      query: async (sql) => {
        const [rows] = await connection.query(sql);
        return Array.isArray(rows) ? (rows as unknown[][]).map((row) => row.map(String)) : [];
      },
      end,
      [Symbol.asyncDispose]: end,
    };
  }
  const client = new pg.Client({
    ...login,
    ssl: { rejectUnauthorized: false },
    connectionTimeoutMillis: 10_000,
  });
  client.on('error', () => {});
  await client.connect();
  const end = async () => client.end().catch(() => {});
  return {
    query: async (sql) => {
      const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
      return (rows ?? []).map((row) => row.map(String));
    },
    end,
    [Symbol.asyncDispose]: end,
  };
}

/** One statement on a connection of its own. */
export async function query(created: Created, address: Address, sql: string): Promise<string[][]> {
  await using database = await openDatabase(created, address);
  return await database.query(sql);
}

/** Waits until every instance answers this query with these rows. */
export async function untilEverywhere(created: Created, sql: string, expected: string[][]): Promise<void> {
  for (const instance of created.instances) {
    let seen: string[][] = [];
    await until(
      `${instance.name} to answer ${JSON.stringify(expected)} to ${sql}`,
      async () => {
        seen = await query(created, instance, sql);
        return JSON.stringify(seen) === JSON.stringify(expected);
      },
      { deadlineMs: 30_000, everyMs: 20 },
    ).catch((error) => {
      throw new Error(`${String(error)}; last answer: ${JSON.stringify(seen)}`);
    });
  }
}
