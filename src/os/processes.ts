/**
 * Which process is which. A pid alone names nobody: it is used again as soon as its process is gone.
 * Pid and start time (field 22 of /proc/<pid>/stat, clock ticks since boot) name one process for the
 * life of the machine, so every pid that Mooring writes down is written with its start time, and no
 * signal is sent without comparing it.
 */
import { readFileSync } from 'node:fs';
import { until } from '../lib/wait.ts';

export type ProcessIdentity = { pid: number; startTime: string };

/** Start time of a live process; undefined when there is none, or only its unreaped entry. */
export function startTimeOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The command name in parentheses may hold anything, so fields are counted from its last ')'.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  if (state === 'Z' || state === 'X') return undefined;
  return fields[19];
}

export function identify(pid: number): ProcessIdentity | undefined {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

export function isAlive(identity: ProcessIdentity | undefined): boolean {
  return identity !== undefined && startTimeOf(identity.pid) === identity.startTime;
}

/** Sends a signal to exactly this process; false when it is gone. */
export function signal(identity: ProcessIdentity | undefined, name: NodeJS.Signals): boolean {
  if (identity === undefined || !isAlive(identity)) return false;
  try {
    process.kill(identity.pid, name);
    return true;
  } catch {
    return false;
  }
}

/** Sends a signal to the process group that this process leads; false when its leader is gone. */
export function signalGroup(identity: ProcessIdentity | undefined, name: NodeJS.Signals): boolean {
  if (identity === undefined || !isAlive(identity)) return false;
  try {
    process.kill(-identity.pid, name);
    return true;
  } catch {
    return signal(identity, name);
  }
}

export async function untilGone(identity: ProcessIdentity | undefined, deadlineMs: number): Promise<void> {
  await until(`process ${identity?.pid} to end`, () => !isAlive(identity), {
    deadlineMs,
    everyMs: 5,
    maxEveryMs: 50,
  });
}

/** What a pid file says, or undefined when there is no usable one. */
export function readPidFile(path: string): ProcessIdentity | undefined {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<ProcessIdentity>;
    return typeof value.pid === 'number' && typeof value.startTime === 'string'
      ? { pid: value.pid, startTime: value.startTime }
      : undefined;
  } catch {
    return undefined;
  }
}
