/**
 * Which process is which. A pid alone names nobody: it is used again as soon as its process is gone.
 * Pid and start time (field 22 of /proc/<pid>/stat, clock ticks since boot) name one process for the
 * life of the machine, so every pid that Mooring writes down is written with its start time, and no
 * signal is sent without comparing it.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { until } from '../lib/wait.ts';

export type ProcessIdentity = { pid: number; startTime: string };

/** What the kernel says of a process. */
export type ProcessFacts = {
  parent: number;
  session: number;
  /** 0 when the process hangs on no terminal. */
  terminal: number;
  uid: number;
};

/** Start time of a live process; undefined when there is none, or only its unreaped entry. */
export function startTimeOf(pid: number): string | undefined {
  const fields = statOf(pid);
  if (fields === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return fields[19];
}

export function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Undefined when the process is gone. */
export function factsOf(pid: number): ProcessFacts | undefined {
  const fields = statOf(pid);
  const uid = /^Uid:\s+(\d+)/m.exec(textOf(pid, 'status') ?? '')?.[1];
  if (fields === undefined || uid === undefined) return undefined;
  return {
    parent: Number(fields[1]),
    session: Number(fields[3]),
    terminal: Number(fields[4]),
    uid: Number(uid),
  };
}

export function argumentsOf(pid: number): string[] {
  return textOf(pid, 'cmdline')?.split('\0').slice(0, -1) ?? [];
}

/** NAME=value as the process was started with; empty when it is gone or somebody else's. */
export function environmentOf(pid: number): string[] {
  return textOf(pid, 'environ')?.split('\0') ?? [];
}

/** Undefined when the process is gone or somebody else's, as with executableOf. */
export function workingDirectoryOf(pid: number): string | undefined {
  return linkOf(pid, 'cwd');
}

export function executableOf(pid: number): string | undefined {
  return linkOf(pid, 'exe');
}

/** Whether a path is the directory or lies below it. */
export function isInside(path: string | undefined, directory: string): boolean {
  return path === directory || path?.startsWith(`${directory}/`) === true;
}

/** Memory that the process holds now; null when it is gone. */
export function residentBytes(pid: number): number | null {
  const pages = Number(textOf(pid, 'statm')?.split(' ')[1]);
  return Number.isFinite(pages) ? pages * 4096 : null;
}

/** Fields of /proc/<pid>/stat from the third on: state, parent, group, session, terminal, ... */
function statOf(pid: number): string[] | undefined {
  const stat = textOf(pid, 'stat');
  // The command name in parentheses may hold anything, so fields are counted from its last ')'.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function textOf(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

function linkOf(pid: number, file: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/${file}`).replace(/ \(deleted\)$/, '');
  } catch {
    return undefined;
  }
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
