/**
 * The platform's own PostgreSQL: the store of an embedded installation.
 *
 * It is a process of its own in a session of its own, so that it outlives a platform that is killed;
 * the next start adopts it. While the platform runs, a store that dies is started again.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { Pack } from '../domain/packs.ts';
import { messageOf, PlatformError } from '../lib/errors.ts';
import { newPassword } from '../lib/ids.ts';
import type { Log } from '../lib/log.ts';
import { until } from '../lib/wait.ts';
import { writeFileAtomic } from '../os/files.ts';
import {
  allPids,
  identify,
  isAlive,
  type ProcessIdentity,
  signal,
  untilGone,
  workingDirectoryOf,
} from '../os/processes.ts';
import { freePort } from './free-port.ts';

export type EmbeddedStoreOptions = {
  /** Made when missing; owned by the account. */
  directory: string;
  pack: Pack;
  account: { uid: number; gid: number } | null;
  log: Log;
};

export type EmbeddedStore = {
  url: string;
  /** It ran already when it was asked for. */
  adopted: boolean;
  /** Fast shutdown of the server, then end of supervision. */
  stop(): Promise<void>;
  /** Ends the supervision and leaves the server running. */
  release(): void;
};

const superuser = 'mooring';
const database = 'mooring';
/** What recovery after a crash may take; the write-ahead log is bounded by max_wal_size. */
const recoveryMs = 300_000;

export async function startEmbeddedStore(options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
  const { directory, account } = options;
  const data = join(directory, 'data');
  const passwordFile = join(directory, 'password');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  if (account) await chown(directory, account.uid, account.gid);

  if (!existsSync(join(data, 'PG_VERSION'))) await initialise(options, data, passwordFile);
  await refuseOtherVersion(data, options.pack);
  const password = (await readFile(passwordFile, 'utf8')).trim();
  const urlFor = (port: number, name: string) =>
    `postgresql://${superuser}:${password}@127.0.0.1:${port}/${name}`;

  let server = await adopt(data, urlFor);
  const adopted = server !== undefined;
  if (server === undefined) server = await start(options, data, urlFor);
  else options.log.info({ pid: server.identity.pid }, 'adopted the running store');
  await ensureDatabase(urlFor(server.port, 'postgres'));

  const { port } = server;
  let supervised = server.identity;
  let busy = false;
  let restarting: Promise<void> = Promise.resolve();
  const watch = setInterval(() => {
    if (busy || isAlive(supervised)) return;
    busy = true;
    options.log.warn({ pid: supervised.pid }, 'the store has ended; starting it again');
    restarting = adopt(data, urlFor)
      // The same port, because every open pool knows this address.
      .then(async (running) => running ?? (await start(options, data, urlFor, port)))
      .then((again) => {
        supervised = again.identity;
      })
      .catch((error) => options.log.error({ error: messageOf(error) }, 'the store does not start'))
      .finally(() => {
        busy = false;
      });
  }, 500);
  watch.unref();

  return {
    url: urlFor(port, database),
    adopted,
    release: () => clearInterval(watch),
    stop: async () => {
      clearInterval(watch);
      await restarting;
      if (signal(supervised, 'SIGINT')) await untilGone(supervised, 20_000);
    },
  };
}

/** Stops a store that a platform which is gone has left running; false when none runs. */
export async function stopEmbeddedStore(dataDirectory: string): Promise<boolean> {
  const data = join(dataDirectory, 'store', 'data');
  const running = postmasterOf(data);
  if (running === undefined || workingDirectoryOf(running.identity.pid) !== realpathSync(data)) return false;
  signal(running.identity, 'SIGINT');
  await untilGone(running.identity, 20_000);
  return true;
}

/** initdb into a directory of its own, renamed when complete: a start that was killed begins again. */
async function initialise(options: EmbeddedStoreOptions, data: string, passwordFile: string): Promise<void> {
  const partial = `${data}.partial`;
  await rm(partial, { recursive: true, force: true });
  await writeFileAtomic(passwordFile, `${newPassword(32)}\n`, { mode: 0o600, owner: options.account });
  const args = ['-D', partial, '-U', superuser, '--encoding=UTF8', '--locale=C', '--data-checksums'];
  args.push('--auth=scram-sha-256', `--pwfile=${passwordFile}`);
  await run(options, join(options.pack.binDir, 'initdb'), args);
  await rename(partial, data);
}

async function refuseOtherVersion(data: string, pack: Pack): Promise<void> {
  const version = (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim();
  if (version === pack.version) return;
  throw new PlatformError(
    'refused',
    `The store was made by PostgreSQL ${version}, and the engine pack at hand is PostgreSQL ${pack.version}`,
    { hint: `Supply a pack of PostgreSQL ${version}, or start with an empty data directory` },
  );
}

type Running = { identity: ProcessIdentity; port: number };

/**
 * A server that already runs on this data directory: postmaster.pid names its pid and its port. One
 * that recovers or shuts down is waited for, because a second server would be refused. Undefined when
 * none runs; the lock of one that was killed is then gone, since its pid may be somebody else's by now.
 */
async function adopt(
  data: string,
  urlFor: (port: number, name: string) => string,
): Promise<Running | undefined> {
  const running = postmasterOf(data);
  if (running !== undefined && workingDirectoryOf(running.identity.pid) === realpathSync(data)) {
    const answered = await until(
      'the running store to answer',
      async () => {
        if (!isAlive(running.identity)) return 'gone';
        return (await answers(urlFor(running.port, 'postgres'))) && 'answers';
      },
      { deadlineMs: recoveryMs, everyMs: 20, maxEveryMs: 250 },
    );
    if (answered === 'answers') return running;
  }
  // Children of a killed server use its shared memory for a moment longer.
  await until('what is left of the old store to end', () => !isInUse(data), { deadlineMs: 30_000 });
  await rm(join(data, 'postmaster.pid'), { force: true });
  return undefined;
}

/** Every PostgreSQL process works in its data directory. */
function isInUse(data: string): boolean {
  const directory = realpathSync(data);
  return allPids().some((pid) => workingDirectoryOf(pid) === directory);
}

function postmasterOf(data: string): Running | undefined {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
    const identity = identify(Number(lines[0]));
    const port = Number(lines[3]);
    return identity !== undefined && port > 0 ? { identity, port } : undefined;
  } catch {
    return undefined;
  }
}

async function start(
  options: EmbeddedStoreOptions,
  data: string,
  urlFor: (port: number, name: string) => string,
  samePort?: number,
): Promise<Running> {
  const port = samePort ?? (await freePort());
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    shared_buffers: '24MB',
    max_connections: '60',
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_wal_size: '256MB',
    jit: 'off',
  };
  const args = [
    '-D',
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  const logFile = join(options.directory, 'server.log');
  const out = openSync(logFile, 'a', 0o600);
  if (options.account) await chown(logFile, options.account.uid, options.account.gid);
  const child = spawn(join(options.pack.binDir, 'postgres'), args, {
    detached: true,
    stdio: ['ignore', out, out],
    cwd: options.directory,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    ...(options.account ?? {}),
  });
  closeSync(out);
  child.unref();
  let ended: string | undefined;
  child.once('error', (error) => {
    ended = error.message;
  });
  child.once('exit', (code, by) => {
    ended = `it ended with ${by ?? `code ${code}`}`;
  });
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  try {
    await until(
      'the store to accept connections',
      async () => ended !== undefined || (await answers(urlFor(port, 'postgres'))),
      { deadlineMs: recoveryMs, everyMs: 10, maxEveryMs: 50 },
    );
  } catch (error) {
    signal(identity, 'SIGINT');
    throw error;
  }
  if (ended !== undefined || identity === undefined) {
    const tail = readFileSync(logFile, 'utf8').trim().split('\n').slice(-3).join(' | ');
    throw new PlatformError(
      'unavailable',
      `The platform's own PostgreSQL does not start: ${ended ?? ''} ${tail}`,
      {
        hint: `Read ${logFile}; a full disk or a wrong owner of ${data} are the usual causes`,
      },
    );
  }
  return { identity, port };
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3000 });
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

async function ensureDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (rowCount === 0) await client.query(`create database ${database}`);
  } finally {
    await client.end();
  }
}

function run(options: EmbeddedStoreOptions, file: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      cwd: options.directory,
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      ...(options.account ?? {}),
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2000);
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) resolve();
      else {
        reject(
          new PlatformError('unavailable', `initdb failed for the platform's store: ${said.trim()}`, {
            hint: 'Check free disk space and the owner of the data directory: moor doctor',
          }),
        );
      }
    });
  });
}
