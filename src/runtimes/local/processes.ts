/**
 * Finding and ending processes that this platform, or an earlier life of it, has started.
 *
 * A pid file is the quick way and never the only one: a platform or agent that was killed between
 * starting a process and writing its pid file leaves a process that no file names. Such a process is
 * found by what cannot be lost: its arguments, which name its home directory, or its working
 * directory inside it.
 */
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, realpathSync } from 'node:fs';
import { messageOf, PlatformError } from '../../lib/errors.ts';
import { until } from '../../lib/wait.ts';
import {
  allPids,
  argumentsOf,
  factsOf,
  identify,
  isAlive,
  isInside,
  type ProcessIdentity,
  readPidFile,
  signal,
  workingDirectoryOf,
} from '../../os/processes.ts';
import type { RunAs } from './layout.ts';

/**
 * The account's processes whose last arguments are exactly these. Programs that are found like this
 * must not change their process.title, which overwrites their arguments.
 */
export function findByArguments(tail: readonly string[], account: RunAs | null): ProcessIdentity[] {
  return allPids().flatMap((pid) => {
    const args = argumentsOf(pid);
    const matches = tail.length < args.length && tail.every((a, i) => args.at(i - tail.length) === a);
    // Anybody may start a process with such arguments; only ours is meant.
    const identity = matches && factsOf(pid)?.uid === uidOf(account) ? identify(pid) : undefined;
    return identity === undefined ? [] : [identity];
  });
}

/**
 * Processes that work inside `directory` and hang on no terminal. A person's shell that happens to
 * stand there has one, and is left alone.
 */
export function findWorkingIn(directory: string, account: RunAs | null): ProcessIdentity[] {
  const uid = uidOf(account);
  const place = realpathSync(directory);
  return allPids().flatMap((pid) => {
    if (pid === process.pid || !isInside(workingDirectoryOf(pid), place)) return [];
    const facts = factsOf(pid);
    const identity = facts?.terminal === 0 && facts.uid === uid ? identify(pid) : undefined;
    return identity === undefined ? [] : [identity];
  });
}

/**
 * The process that a pid file names, if it lives and is the account's own. The account writes these
 * files, so root must not take their word for killing somebody else's process.
 */
export function namedBy(pidFile: string, account: RunAs | null): ProcessIdentity[] {
  const identity = readPidFile(pidFile);
  if (identity === undefined || !isAlive(identity)) return [];
  return factsOf(identity.pid)?.uid === uidOf(account) ? [identity] : [];
}

/** The processes and all their descendants, as they are now. */
export function withDescendants(roots: readonly ProcessIdentity[]): ProcessIdentity[] {
  const children = new Map<number, number[]>();
  for (const pid of allPids()) {
    const parent = factsOf(pid)?.parent;
    if (parent === undefined) continue;
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found = new Map(roots.map((root) => [root.pid, root]));
  for (const { pid } of found.values()) {
    for (const child of children.get(pid) ?? []) {
      const identity = found.has(child) ? undefined : identify(child);
      if (identity !== undefined) found.set(child, identity);
    }
  }
  return [...found.values()];
}

/**
 * SIGKILL to the processes and to everything below them, and waits until all are gone. PostgreSQL's
 * backends lead process groups of their own, so a group kill of the postmaster would miss them.
 */
export async function killTrees(roots: readonly ProcessIdentity[], what: string): Promise<void> {
  const living = roots.filter(isAlive);
  if (living.length === 0) return;
  const all = withDescendants(living);
  for (const identity of all) signal(identity, 'SIGKILL');
  await untilAllGone(all, what, 10_000);
}

/** Asks to end, and after `graceMs` insists. Only the process itself; what it started stays. */
export async function endGently(
  identity: ProcessIdentity,
  what: string,
  graceMs: number,
  ask: 'SIGTERM' | 'SIGINT' = 'SIGTERM',
): Promise<void> {
  if (!signal(identity, ask)) return;
  try {
    await untilAllGone([identity], what, graceMs);
  } catch {
    signal(identity, 'SIGKILL');
    await untilAllGone([identity], what, 10_000);
  }
}

async function untilAllGone(all: readonly ProcessIdentity[], what: string, deadlineMs: number) {
  await until(`${what} to end (process ${all.map((p) => p.pid).join(', ')})`, () => !all.some(isAlive), {
    deadlineMs,
    everyMs: 3,
    maxEveryMs: 50,
  });
}

export type DetachedProcess = {
  file: string;
  args: string[];
  cwd: string;
  /** Gets standard output and standard error, appended. */
  logFile: string;
  account: RunAs | null;
  /** Called when the process ends while this platform still lives. */
  onExit?: (code: number | null, signal: string | null) => void;
};

/** Starts a process that outlives this one: own session, no terminal, no inherited descriptors. */
export async function startDetached(launch: DetachedProcess): Promise<ProcessIdentity> {
  // The account owns the directory: root must not be led elsewhere by a link.
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  const log = openSync(launch.logFile, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o600);
  try {
    const child = spawn(launch.file, launch.args, {
      cwd: launch.cwd,
      detached: true,
      stdio: ['ignore', log, log],
      env: plainEnvironment(launch.cwd),
      ...(launch.account === null ? {} : { uid: launch.account.uid, gid: launch.account.gid }),
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.on('error', () => {});
    if (launch.onExit) child.once('exit', launch.onExit);
    child.unref();
    return identify(child.pid ?? 0) ?? { pid: child.pid ?? 0, startTime: '' };
  } catch (cause) {
    throw new PlatformError('unavailable', `Cannot start ${launch.file}: ${messageOf(cause)}`, {
      hint: 'Check the host with: moor doctor',
      cause,
    });
  } finally {
    closeSync(log);
  }
}

/** Nothing of the platform's own environment reaches a database: it may hold secrets. */
export function plainEnvironment(home: string): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    HOME: home,
    ...(process.env.TZ === undefined ? {} : { TZ: process.env.TZ }),
  };
}

function uidOf(account: RunAs | null): number {
  return account?.uid ?? process.getuid?.() ?? -1;
}
