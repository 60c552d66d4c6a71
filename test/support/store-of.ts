/** The platform's own store, for tests that change what no call of the API changes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { Platform } from './platform.ts';

/** One statement; the store need not have a platform at this moment. */
export async function inStore(platform: Platform, sql: string): Promise<void> {
  const store = join(platform.dataDirectory, 'store');
  const client = new pg.Client({
    host: '127.0.0.1',
    port: Number(readFileSync(join(store, 'data', 'postmaster.pid'), 'utf8').split('\n')[3]),
    user: 'mooring',
    database: 'mooring',
    password: readFileSync(join(store, 'password'), 'utf8').trim(),
  });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
