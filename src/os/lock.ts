/**
 * A lock that survives neither its process nor a reboot: a file that names the holder by pid and
 * start time. Node has no flock; a hard link is created with its content or not at all, so there is
 * no moment in which a lock has no holder.
 */
import { linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from '../lib/errors.ts';
import { newId } from '../lib/ids.ts';
import { identify, isAlive, type ProcessIdentity, readPidFile } from './processes.ts';

export type Taken = { held: true; release: () => void } | { held: false; holder: ProcessIdentity };

/** One attempt. A lock whose holder is gone is taken over. */
export function tryLock(path: string): Taken {
  mkdirSync(dirname(path), { recursive: true });
  const mine = `${path}.${newId()}`;
  writeFileSync(mine, JSON.stringify(identify(process.pid)), { mode: 0o644 });
  try {
    for (let attempt = 0; attempt < 20; attempt++) {
      try {
        linkSync(mine, path);
        return { held: true, release: () => release(path) };
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
      const holder = readPidFile(path);
      if (holder !== undefined && isAlive(holder)) return { held: false, holder };
      setAside(path, holder);
    }
    throw new Error(`cannot take the lock ${path}`);
  } finally {
    rmSync(mine, { force: true });
  }
}

/**
 * Removes a stale lock. Two processes may do so at once, and the slower must not remove the lock
 * that the faster has just taken: it looks at what it moved, and puts a live lock back.
 */
function setAside(path: string, stale: ProcessIdentity | undefined): void {
  const aside = `${path}.${newId()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const moved = readPidFile(aside);
  if (moved !== undefined && moved.startTime !== stale?.startTime && isAlive(moved)) {
    try {
      linkSync(aside, path);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
  rmSync(aside, { force: true });
}

function release(path: string): void {
  const holder = readPidFile(path);
  const me = identify(process.pid);
  if (holder !== undefined && holder.pid === me?.pid && holder.startTime === me.startTime)
    rmSync(path, { force: true });
}
