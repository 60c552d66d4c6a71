/**
 * The data directory: everything that Mooring keeps on this machine. It belongs to one platform
 * process at a time (platform.lock) and says in which format it is written (platform.json).
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { codeOf, messageOf, PlatformError } from '../../lib/errors.ts';
import { newId } from '../../lib/ids.ts';
import { writeFileAtomic } from '../../os/files.ts';
import { tryLock } from '../../os/lock.ts';
import { isAlive, type ProcessIdentity, readPidFile } from '../../os/processes.ts';
import { type Account, requireTraversable } from './account.ts';

/** Grows when a version of Mooring writes what older versions cannot read. */
export const dataFormat = 1;

export type PlatformFacts = {
  id: string;
  /** The version of Mooring that wrote here last. */
  version: string;
  dataFormat: number;
  createdAt: string;
  /** Where the running, or last, platform listens. */
  address?: string;
  /** Ports that were chosen once and must stay, by purpose. */
  ports: Record<string, number>;
};

export type DataDirectory = {
  path: string;
  facts: PlatformFacts;
  /** Writes platform.json atomically; returns the new facts and keeps them in `facts`. */
  update(change: Partial<PlatformFacts>): Promise<PlatformFacts>;
  /** Gives the directory free for the next platform. */
  release(): void;
};

export type DataEnvironment = { [name: string]: string | undefined };

/** --data, MOORING_DATA, else root's /var/lib/mooring or the user's XDG data directory. */
export function dataDirectoryPath(
  named: string | undefined,
  environment: DataEnvironment,
  uid = process.getuid?.() ?? 0,
): string {
  const given = named ?? nonEmpty(environment.MOORING_DATA);
  if (given !== undefined) return resolve(given);
  if (uid === 0) return '/var/lib/mooring';
  const share = nonEmpty(environment.XDG_DATA_HOME) ?? join(environment.HOME ?? homedir(), '.local/share');
  return join(share, 'mooring');
}

/** Creates what is missing, takes the lock, and refuses what is not ours to use. */
export async function openDataDirectory(options: {
  path: string;
  version: string;
  account: Account | null;
}): Promise<DataDirectory> {
  const { path, account } = options;
  makeDataDirectory(path);
  // The account must pass through; below, everything is private to whoever uses it.
  chmodSync(path, account === null ? 0o700 : 0o711);
  requireTraversable(path, account);
  const lock = await tryLock(join(path, 'platform.lock'));
  if (!lock.held) throw inUse(path, lock.holder);
  try {
    const facts = readFacts(path) ?? newFacts(options.version);
    requireReadable(path, facts);
    const directory: DataDirectory = {
      path,
      facts,
      async update(change) {
        directory.facts = { ...directory.facts, ...change };
        await writeFileAtomic(
          join(path, 'platform.json'),
          `${JSON.stringify(directory.facts, undefined, 2)}\n`,
          {
            durable: true,
          },
        );
        return directory.facts;
      },
      release: lock.release,
    };
    await directory.update({ version: options.version, dataFormat });
    for (const name of ['packs', 'programs']) mkdirSync(join(path, name), { recursive: true, mode: 0o755 });
    for (const name of ['keys', 'logs']) {
      mkdirSync(join(path, name), { recursive: true, mode: 0o700 });
      chmodSync(join(path, name), 0o700);
    }
    return directory;
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Creates the directory when it is missing; refuses one that is not ours or cannot be written. */
export function makeDataDirectory(path: string): void {
  createDirectory(path);
  requireOwn(path);
  requireWritable(path);
}

/** The platform that runs on this directory, for `down` and `status`; undefined when none does. */
export function runningPlatform(path: string): { process: ProcessIdentity; address?: string } | undefined {
  const holder = readPidFile(join(path, 'platform.lock'));
  if (holder === undefined || !isAlive(holder)) return undefined;
  return { process: holder, address: readFacts(path)?.address };
}

/** What platform.json says; undefined when there is none. */
export function readFacts(path: string): PlatformFacts | undefined {
  const file = join(path, 'platform.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw new PlatformError('refused', `${file} cannot be read: ${messageOf(error)}.`, {
      hint: 'Run the command as the user who started the platform, or name another directory with --data DIR.',
      cause: error,
    });
  }
  try {
    const facts: PlatformFacts = JSON.parse(text);
    if (typeof facts.id !== 'string' || typeof facts.dataFormat !== 'number')
      throw new Error('fields are missing');
    return { ...facts, ports: facts.ports ?? {} };
  } catch (error) {
    throw new PlatformError('refused', `${file} is damaged: ${messageOf(error)}.`, {
      hint: 'Restore the file, or choose another data directory with --data DIR. Nothing was changed.',
      cause: error,
    });
  }
}

function newFacts(version: string): PlatformFacts {
  return { id: newId(), version, dataFormat, createdAt: new Date().toISOString(), ports: {} };
}

function requireReadable(path: string, facts: PlatformFacts): void {
  if (facts.dataFormat <= dataFormat) return;
  throw new PlatformError(
    'refused',
    `${path} was written by Mooring ${facts.version}, which is newer than this one (data format ${facts.dataFormat}, this one reads up to ${dataFormat}).`,
    {
      hint: `Use Mooring ${facts.version} or newer (git pull), or choose another directory with --data DIR. Nothing was changed.`,
    },
  );
}

function inUse(path: string, holder: ProcessIdentity | undefined): PlatformError {
  const address = readFacts(path)?.address;
  const where = address === undefined ? '' : ` and serves ${address}`;
  const who = holder === undefined ? 'runs' : `runs as process ${holder.pid}`;
  return new PlatformError('conflict', `${path} is in use: another platform ${who}${where}.`, {
    hint: 'Stop it with "moor down", or start this one elsewhere with --data DIR --port N.',
    context: { pid: holder?.pid, address },
  });
}

function createDirectory(path: string): void {
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing?.isDirectory()) return;
  if (existing !== undefined) {
    throw new PlatformError('refused', `${path} is not a directory.`, {
      hint: 'Choose a data directory with --data DIR.',
    });
  }
  try {
    makeDirectories(path);
  } catch (error) {
    throw notWritable(path, error);
  }
}

/** Not mkdir's own recursion: Node's never ends where the kernel makes no directories, as in /proc. */
function makeDirectories(path: string): void {
  if (!existsSync(dirname(path))) makeDirectories(dirname(path));
  mkdirSync(path, { mode: 0o755 });
}

/** Another user's directory must neither be used nor get its mode changed. */
function requireOwn(path: string): void {
  const me = process.getuid?.();
  const { uid } = statSync(path);
  if (me === undefined || uid === me) return;
  throw new PlatformError('refused', `${path} belongs to user ${uid}, and you are ${userName()} (${me}).`, {
    hint: `Run the command as its owner, give it away with "chown -R ${userName()} ${path}" as root, or choose another directory with --data DIR.`,
  });
}

function requireWritable(path: string): void {
  const probe = join(path, `.probe-${process.pid}`);
  try {
    writeFileSync(probe, '');
    rmSync(probe, { force: true });
  } catch (error) {
    throw notWritable(path, error);
  }
}

function notWritable(path: string, error: unknown): PlatformError {
  if (codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT') {
    return new PlatformError('refused', `The disk that holds ${path} is full.`, {
      hint: 'Free space there, or choose another data directory with --data DIR.',
      cause: error,
    });
  }
  const why = codeOf(error) === 'EROFS' ? 'the file system is read-only' : messageOf(error);
  return new PlatformError(
    'refused',
    `The data directory ${path} is not writable for user ${userName()}: ${why}.`,
    {
      hint: `Choose another directory with --data DIR or MOORING_DATA, or as root: mkdir -p ${path} && chown ${userName()} ${path}`,
      cause: error,
    },
  );
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown'); // a uid that /etc/passwd does not know
  }
}

const nonEmpty = (text: string | undefined) => (text === undefined || text === '' ? undefined : text);
