/**
 * A real store for tests: one throw-away PostgreSQL per test process, started from the engine pack,
 * and for each caller a fresh database copied from a migrated template (a copy takes some 20 ms).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Pack } from '../../src/domain/packs.ts';
import { until } from '../../src/lib/wait.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openStore, type Store } from '../../src/store/store.ts';

const packsDirectory = process.env.MOORING_PACKS ?? join(import.meta.dirname, '..', '..', '.moor', 'packs');

export function postgresPack(): Pack {
  const file = join(packsDirectory, 'postgres-17', 'pack.json');
  if (!existsSync(file)) throw new Error(`no PostgreSQL pack at ${file}; set MOORING_PACKS`);
  return JSON.parse(readFileSync(file, 'utf8')) as Pack;
}

/** PostgreSQL refuses root: then it runs as the account of the platform, or nobody. */
export function unprivileged(): { uid: number; gid: number } | Record<string, never> {
  if (process.getuid?.() !== 0) return {};
  for (const account of ['mooring', 'nobody']) {
    try {
      const id = (flag: string) => Number(execFileSync('id', [flag, account], { encoding: 'utf8' }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {}
  }
  throw new Error('no unprivileged account to run PostgreSQL as');
}

type Server = { url(database: string): string; admin: pg.Pool };
let server: Promise<Server> | undefined;
let databases = 0;

export type TestStore = Store & { url: string; open(): Store };

/** A fresh, migrated database. `open()` gives further stores on the same one. */
export async function testStore(): Promise<TestStore> {
  const { url, admin } = await startOnce();
  const name = `test_${process.pid}_${++databases}`;
  await admin.query(`create database ${name} template mooring_template`);
  const more: Store[] = [];
  const open = () => {
    const another = openStore({ connection: url(name) });
    more.push(another);
    return another;
  };
  const store = openStore({ connection: url(name) });
  const close = async () => {
    await Promise.all([store.close(), ...more.map((each) => each.close())]);
    await admin.query(`drop database if exists ${name} with (force)`);
  };
  return { ...store, url: url(name), open, close, [Symbol.asyncDispose]: close };
}

/** An empty database without the schema, for tests of the migrations. */
export async function emptyDatabase(): Promise<{ url: string } & AsyncDisposable> {
  const { url, admin } = await startOnce();
  const name = `test_${process.pid}_${++databases}`;
  await admin.query(`create database ${name} template template0`);
  return {
    url: url(name),
    [Symbol.asyncDispose]: async () => {
      await admin.query(`drop database if exists ${name} with (force)`);
    },
  };
}

function startOnce(): Promise<Server> {
  server ??= start();
  return server;
}

async function start(): Promise<Server> {
  const bin = postgresPack().binDir;
  const account = unprivileged();
  const directory = mkdtempSync(join(tmpdir(), 'mooring-test-store-'));
  const data = join(directory, 'data');
  mkdirSync(data, { mode: 0o700 });
  if (account.uid !== undefined) {
    chownSync(directory, account.uid, account.gid);
    chownSync(data, account.uid, account.gid);
  }
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'mooring', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C'],
    { ...account, cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const settings = {
    listen_addresses: '',
    unix_socket_directories: directory,
    fsync: 'off',
    full_page_writes: 'off',
    max_connections: '200',
    shared_buffers: '32MB',
    autovacuum: 'off',
  };
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', data, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
    { ...account, cwd: directory, stdio: 'ignore' },
  );
  endWithProcess(child, directory);
  const url = (database: string) => `postgres://mooring@/${database}?host=${encodeURIComponent(directory)}`;
  const admin = new pg.Pool({ connectionString: url('postgres'), max: 2, idleTimeoutMillis: 500 });
  admin.on('error', () => {});
  await until('the test store to answer', () => admin.query('select 1'), { deadlineMs: 20_000 });
  await admin.query('create database mooring_template template template0');
  await using template = openStore({ connection: url('mooring_template') });
  await migrate(template);
  return { url, admin };
}

/** The server must not keep the test process alive, nor outlive it. */
function endWithProcess(child: ChildProcess, directory: string) {
  child.unref();
  process.once('exit', () => {
    child.kill('SIGQUIT');
    // It still writes while it ends, and what it writes could not be removed.
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let looks = 0; looks < 500 && isAlive(child.pid); looks++) Atomics.wait(pause, 0, 0, 10);
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
}

/** A zombie is dead: nobody reaps it any more while this process ends. */
function isAlive(pid: number | undefined): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
