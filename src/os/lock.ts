/**
 * A lock that ends with its process, however that ends: a listening socket in Linux's abstract
 * namespace, named after the path. The kernel gives it to one process and takes it back in the moment
 * of its death, so there is no stale lock to judge and no moment between looking and taking.
 *
 * At the path itself stands a plain pid file. It tells people and other commands who holds the lock,
 * and it is a second guard: containers may share the directory and the processes but not the network
 * namespace, to which abstract sockets belong. While it names a live process nobody else gets in.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '../lib/errors.ts';
import { until } from '../lib/wait.ts';
import { writeFileAtomic } from './files.ts';
import { identify, isAlive, type ProcessIdentity, readPidFile } from './processes.ts';

export type Taken =
  | { held: true; release: () => void }
  /** The holder is unknown when it lives where we cannot see it. */
  | { held: false; holder: ProcessIdentity | undefined };

/** A holder that has just taken the lock writes its pid file within this time. */
const introductionMs = 500;

/** One attempt. `path` becomes the pid file of the holder. */
export async function tryLock(path: string): Promise<Taken> {
  mkdirSync(dirname(path), { recursive: true });
  const socket = await listen(join(realpathSync(dirname(path)), basename(path)));
  if (socket === undefined) return { held: false, holder: await introduced(path) };
  try {
    const holder = living(path);
    if (holder !== undefined) {
      socket.close();
      return { held: false, holder };
    }
    const me = identify(process.pid);
    // The socket is the lock; a full disk must not keep anybody from holding it.
    await writeFileAtomic(path, JSON.stringify(me), { mode: 0o644 }).catch((error) => {
      if (codeOf(error) !== 'ENOSPC' && codeOf(error) !== 'EDQUOT') throw error;
    });
    return {
      held: true,
      release() {
        // The file first: whoever gets the socket next writes its own.
        if (living(path)?.pid === me?.pid) rmSync(path, { force: true });
        socket.close();
      },
    };
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** Undefined when another process, or another part of this one, listens there. */
function listen(realPath: string): Promise<Server | undefined> {
  const name = createHash('sha256').update(realPath).digest('hex');
  const server = createServer((connection) => connection.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error) => (codeOf(error) === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen(`\0mooring-${name}`, () => resolve(server.unref()));
  });
}

function living(path: string): ProcessIdentity | undefined {
  const holder = readPidFile(path);
  return isAlive(holder) ? holder : undefined;
}

async function introduced(path: string): Promise<ProcessIdentity | undefined> {
  const options = { deadlineMs: introductionMs, everyMs: 5, maxEveryMs: 50 };
  return await until('the pid file of the holder', () => living(path), options).catch(() => undefined);
}
