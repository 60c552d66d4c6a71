/**
 * A lock that survives neither its process nor a reboot: a file that names the holder by pid and
 * start time. Node has no flock; a hard link is created with its content or not at all, so there is
 * no moment in which a lock has no holder.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from '../lib/errors.ts';
import { newId } from '../lib/ids.ts';

export type Holder = { pid: number; startTime: string };

/** When a process started, in clock ticks since boot; undefined when there is no such process. */
export function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name may hold spaces and parentheses; the fields begin behind its last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Pids come back after a reboot and in other containers; together with the start time they do not. */
export function isRunning(holder: Holder): boolean {
  return startTimeOf(holder.pid) === holder.startTime;
}

export function myself(): Holder {
  return { pid: process.pid, startTime: startTimeOf(process.pid) ?? 'unknown' };
}

export function readHolder(path: string): Holder | undefined {
  try {
    const read: Partial<Holder> = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof read.pid !== 'number' || typeof read.startTime !== 'string') return undefined;
    return { pid: read.pid, startTime: read.startTime };
  } catch {
    return undefined;
  }
}

export type Taken = { held: true; release: () => void } | { held: false; holder: Holder };

/** One attempt. A lock whose holder is gone is taken over. */
export function tryLock(path: string): Taken {
  mkdirSync(dirname(path), { recursive: true });
  const mine = `${path}.${newId()}`;
  writeFileSync(mine, JSON.stringify(myself()), { mode: 0o644 });
  try {
    for (let attempt = 0; attempt < 20; attempt++) {
      try {
        linkSync(mine, path);
        return { held: true, release: () => release(path) };
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
      const holder = readHolder(path);
      if (holder !== undefined && isRunning(holder)) return { held: false, holder };
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
function setAside(path: string, stale: Holder | undefined): void {
  const aside = `${path}.${newId()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const moved = readHolder(aside);
  if (moved !== undefined && moved.startTime !== stale?.startTime && isRunning(moved)) {
    try {
      linkSync(aside, path);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
  rmSync(aside, { force: true });
}

function release(path: string): void {
  const holder = readHolder(path);
  const me = myself();
  if (holder?.pid === me.pid && holder.startTime === me.startTime) rmSync(path, { force: true });
}
