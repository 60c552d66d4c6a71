/**
 * The template: an initialised data directory without identity, passwords, keys or history. Copying it
 * takes a fraction of a second where initialising takes several; an empty gtid_executed in every copy
 * lets all members of a group start in parallel and still have the same history.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Pack } from '../../domain/packs.ts';
import { messageOf, PlatformError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { until } from '../../lib/wait.ts';
import { templateStatements } from './accounts.ts';
import { Connection } from './connection.ts';

/** The small size's; larger servers grow their redo log at their first start. */
const redoCapacity = '16M';
const deadlineMs = 120_000;

/** Where mysqld finds the rest of its pack. Everything else is in a configuration file. */
export function packArguments(pack: Pack): string[] {
  if (!pack.mysql) throw new Error(`pack ${pack.engine} ${pack.version} does not say where its plugins are`);
  return [
    `--plugin-dir=${pack.mysql.pluginDir}`,
    `--lc-messages-dir=${pack.mysql.messagesDir}`,
    `--character-sets-dir=${pack.mysql.charsetsDir}`,
  ];
}

/** Made beside `dir` and renamed at the end: what a killed builder leaves behind is never taken for one. */
export async function buildTemplate(dir: string, pack: Pack, log: Log): Promise<void> {
  const work = `${dir}.work`;
  const data = join(work, 'data');
  await rm(work, { recursive: true, force: true });
  await mkdir(join(work, 'tmp'), { recursive: true, mode: 0o700 });
  try {
    // A throw-away start may skip every flush; the whole directory is synced at the end.
    const options = [
      '--no-defaults',
      ...packArguments(pack),
      `--datadir=${data}`,
      `--tmpdir=${join(work, 'tmp')}`,
      '--innodb-flush-method=nosync',
      '--innodb-doublewrite=OFF',
      `--innodb-redo-log-capacity=${redoCapacity}`,
      '--innodb-buffer-pool-size=32M',
      '--performance-schema=OFF',
      '--auto-generate-certs=OFF',
      '--caching-sha2-password-auto-generate-rsa-keys=OFF',
      '--secure-file-priv=NULL',
    ];
    log.info({ dir, version: pack.fullVersion }, 'initialising a data directory');
    const initialise = await start(pack, [...options, '--initialize-insecure'], work, 'initialize.log');
    await ended(initialise, work, 'initialize.log');
    log.info({ dir }, 'adding the platform schema and accounts');
    await addPlatformObjects(pack, options, work);
    await removeIdentity(data);
    await syncTree(data);
    await rename(data, dir);
    await sync(dirname(dir));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function addPlatformObjects(pack: Pack, options: string[], work: string): Promise<void> {
  const socket = join(work, 'server.sock');
  const server = await start(
    pack,
    [
      ...options,
      '--skip-log-bin',
      '--skip-networking',
      '--mysqlx=OFF',
      // Relative to the data directory, in which the server works: never too long.
      '--socket=../server.sock',
    ],
    work,
    'server.log',
  );
  try {
    const target = { socket, user: 'root', password: '' };
    const connection = await until(
      'the template server',
      async () => {
        if (server.exitCode !== null) return 'exited' as const;
        return await Connection.open(target);
      },
      { deadlineMs },
    );
    if (connection !== 'exited') {
      await connection.run(templateStatements, 60_000);
      connection.close();
      server.kill('SIGTERM');
    }
    await ended(server, work, 'server.log');
  } finally {
    if (server.exitCode === null) server.kill('SIGKILL');
  }
}

async function start(pack: Pack, args: string[], work: string, logName: string): Promise<ChildProcess> {
  const output = await open(join(work, logName), 'w', 0o600);
  try {
    const child = spawn(join(pack.binDir, 'mysqld'), args, {
      cwd: work,
      env: { PATH: '/usr/bin:/bin' },
      stdio: ['ignore', output.fd, output.fd],
    });
    await once(child, 'spawn');
    return child;
  } finally {
    await output.close();
  }
}

async function ended(child: ChildProcess, work: string, logName: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    await once(child, 'exit');
    clearTimeout(timer);
  }
  if (child.exitCode === 0) return;
  const lines = (await readFile(join(work, logName), 'utf8')).trimEnd().split('\n');
  throw new PlatformError('unavailable', `mysqld could not make a data directory: ${lines.at(-1) ?? ''}`, {
    hint: '`moor doctor` checks memory, disk space and limits of this host.',
    context: { exitCode: child.exitCode, signal: child.signalCode, lines: lines.slice(-20) },
  });
}

/** What would make two copies the same server, and what the next start makes anew. */
async function removeIdentity(dir: string): Promise<void> {
  const identity = /^(auto\.cnf|.*\.pem|binlog\..*|relay.*|ibtmp1|.*\.pid|.*\.err|#innodb_temp)$/;
  for (const name of await readdir(dir)) {
    if (identity.test(name)) await rm(join(dir, name), { recursive: true });
  }
}

async function syncTree(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) await digHoles(join(entry.parentPath, entry.name));
  }
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    await sync(join(entry.parentPath, entry.name));
  }
  await sync(dir);
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Half of a fresh data directory is zeros: with holes a copy that keeps them is half as large. */
async function digHoles(path: string): Promise<void> {
  const tool = '/usr/bin/fallocate';
  try {
    await access(tool);
    const child = spawn(tool, ['--dig-holes', path], { stdio: 'ignore' });
    await once(child, 'exit');
  } catch (error) {
    // Only smaller, never needed: file systems without holes and hosts without the tool do as well.
    void messageOf(error);
  }
}
