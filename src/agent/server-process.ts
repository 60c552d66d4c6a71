/**
 * The database server as a process: started so that it outlives the agent, found again after any
 * crash of the agent, and never more than one per data directory.
 *
 * state/server.pid names the server. It can be missing although a server runs: the agent may have been
 * killed between the start and the writing. Such a server is found by its environment
 * (MOORING_INSTANCE) and by its working directory, which cannot be lost. PostgreSQL's children lead
 * sessions of their own, so that killing the postmaster's process group does not reach them; whatever
 * is of the server's kind and works inside the home is part of the server and dies with it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import type { ServerExit } from '../domain/status.ts';
import type { ServerCommand } from '../engines/engine.ts';
import { messageOf } from '../lib/errors.ts';
import { until } from '../lib/wait.ts';
import { writeFileAtomic } from '../os/files.ts';
import {
  allPids,
  environmentOf,
  executableOf,
  factsOf,
  identify,
  isAlive,
  isInside,
  type ProcessIdentity,
  signal,
  signalGroup,
  workingDirectoryOf,
} from '../os/processes.ts';
import type { Home } from './home.ts';

/** What state/server.pid says. */
export type ServerRecord = ProcessIdentity & {
  startedAt: number;
  /** restartCount of the assignment under which it was started. */
  restartCount: number;
  /** The agent has begun to stop it: its end is no crash. */
  stopping: boolean;
};

export type RunningServer = {
  readonly record: ServerRecord;
  alive(): boolean;
  signal(name: NodeJS.Signals): void;
  /** Remembers, before the first signal, that the coming exit is wanted. */
  markStopping(): Promise<void>;
  /** SIGKILL to the whole process group. */
  kill(): void;
};

/** What the processes of an instance's server have in common. */
export type Kin = {
  instanceId: string;
  /** The server's program. Children of PostgreSQL may have overwritten their environment. */
  executable: string;
};

const instanceVariable = 'MOORING_INSTANCE';
const restartVariable = 'MOORING_RESTART_COUNT';
const pollMs = 100;

export type ExitListener = (exit: ServerExit, asked: boolean) => void;

/**
 * Starts the server in a session of its own. `onExit` is called once, when nothing of it is left.
 */
export async function startServer(
  home: Home,
  kin: Kin,
  command: ServerCommand,
  restartCount: number,
  onExit: ExitListener,
): Promise<RunningServer> {
  mkdirSync(home.files.log, { recursive: true, mode: 0o700 });
  const out = openSync(home.serverLog, 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(command.file, command.args, {
      cwd: home.files.home,
      detached: true,
      stdio: ['ignore', out, out],
      env: {
        ...command.env,
        [instanceVariable]: kin.instanceId,
        [restartVariable]: String(restartCount),
      },
    });
    const running = child;
    await new Promise<void>((resolve, reject) => {
      running.once('spawn', resolve);
      running.once('error', reject);
    });
  } finally {
    closeSync(out);
  }
  child.on('error', () => {});
  child.unref();
  const pid = child.pid ?? 0;
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null)
      resolve({ code: child.exitCode, signal: child.signalCode });
    else child.once('exit', (code, signalName) => resolve({ code, signal: signalName }));
  });
  const identity = identify(pid) ?? { pid, startTime: '' };
  const server = handle(home, { ...identity, startedAt: Date.now(), restartCount, stopping: false });
  await writeRecord(home, server.record);
  void ended.then((exit) => finish(home, kin, server, exit, onExit));
  return server;
}

export type FoundServer =
  | { kind: 'none' }
  /** The server that the file names is gone; nobody saw how. */
  | { kind: 'died'; record: ServerRecord }
  | { kind: 'running'; server: RunningServer };

/**
 * The server of this home that runs already, or what has become of it. Strays (a second server, or
 * children that outlived theirs) are killed, so that afterwards there is one server at most.
 */
export async function findServer(home: Home, kin: Kin, onExit: ExitListener): Promise<FoundServer> {
  const recorded = await readRecord(home);
  const alive = recorded && isAlive(recorded) ? recorded : undefined;
  const record = alive ?? unrecordedServer(home, kin.instanceId);
  if (!record) {
    await killStrays(home, kin);
    await rm(home.serverPid, { force: true });
    return recorded ? { kind: 'died', record: recorded } : { kind: 'none' };
  }
  const server = handle(home, record);
  if (!alive) await writeRecord(home, record);
  watch(home, kin, server, onExit);
  return { kind: 'running', server };
}

function handle(home: Home, initial: ServerRecord): RunningServer {
  let record = initial;
  return {
    get record() {
      return record;
    },
    alive: () => isAlive(record),
    signal: (name) => void signal(record, name),
    kill: () => void signalGroup(record, 'SIGKILL'),
    async markStopping() {
      record = { ...record, stopping: true };
      // When this write fails the exit counts as a crash, which is only a number.
      await writeRecord(home, record).catch(() => {});
    },
  };
}

/** An adopted server is nobody's child here, so its end is seen by looking. */
function watch(home: Home, kin: Kin, server: RunningServer, onExit: ExitListener): void {
  const timer = setInterval(() => {
    if (server.alive()) return;
    clearInterval(timer);
    void finish(home, kin, server, { code: null, signal: null }, onExit);
  }, pollMs);
  timer.unref();
}

/** The server has ended only when nothing that works on its data is left. */
async function finish(
  home: Home,
  kin: Kin,
  server: RunningServer,
  exit: { code: number | null; signal: string | null },
  onExit: ExitListener,
): Promise<void> {
  const at = Date.now();
  const { stopping } = server.record;
  await killStrays(home, kin).catch(() => {});
  await rm(home.serverPid, { force: true }).catch(() => {});
  onExit({ ...exit, at }, stopping);
}

/** SIGKILL to everything of this server's kind that works inside the home, until nothing is left. */
export async function killStrays(home: Home, kin: Kin): Promise<void> {
  const program = realPath(kin.executable);
  await until(
    'everything that works in the data directory to end',
    () => {
      const strays = workersIn(home).filter(
        ({ pid }) => bears(pid, kin.instanceId) || executableOf(pid) === program,
      );
      for (const stray of strays) signal(stray, 'SIGKILL');
      return strays.length === 0;
    },
    { deadlineMs: 30_000, everyMs: 3, maxEveryMs: 50 },
  );
}

/**
 * Processes of our own user that work inside home or volume, except this one. A person's shell that
 * stands there hangs on a terminal and is none of them.
 */
function workersIn(home: Home): ProcessIdentity[] {
  const places = [realPath(home.files.home), realPath(home.files.volume)];
  return allPids().flatMap((pid) => {
    const directory = workingDirectoryOf(pid);
    if (pid === process.pid || !places.some((place) => isInside(directory, place))) return [];
    const facts = factsOf(pid);
    const identity = facts?.uid === process.getuid?.() && facts?.terminal === 0 ? identify(pid) : undefined;
    return identity === undefined ? [] : [identity];
  });
}

function bears(pid: number | undefined, instanceId: string): boolean {
  return pid !== undefined && environmentOf(pid).includes(`${instanceVariable}=${instanceId}`);
}

/** A server without a file: the leader of a session that bears this instance's name. */
function unrecordedServer(home: Home, instanceId: string): ServerRecord | undefined {
  for (const identity of workersIn(home)) {
    const { pid } = identity;
    const facts = factsOf(pid);
    if (facts?.session !== pid || !bears(pid, instanceId)) continue;
    // PostgreSQL's children lead sessions too; the server is the one whose parent is not of its kind.
    if (bears(facts.parent, instanceId)) continue;
    const restarts = environmentOf(pid).find((entry) => entry.startsWith(`${restartVariable}=`));
    const restartCount = Number(restarts?.slice(restartVariable.length + 1)) || 0;
    return { ...identity, startedAt: Date.now(), restartCount, stopping: false };
  }
  return undefined;
}

async function writeRecord(home: Home, record: ServerRecord): Promise<void> {
  await writeFileAtomic(home.serverPid, JSON.stringify(record));
}

async function readRecord(home: Home): Promise<ServerRecord | undefined> {
  try {
    const value = JSON.parse(await readFile(home.serverPid, 'utf8')) as Partial<ServerRecord>;
    if (typeof value.pid !== 'number' || typeof value.startTime !== 'string') return undefined;
    return {
      pid: value.pid,
      startTime: value.startTime,
      startedAt: Number(value.startedAt) || 0,
      restartCount: Number(value.restartCount) || 0,
      stopping: value.stopping === true,
    };
  } catch {
    return undefined; // missing or torn: the search through /proc finds what runs
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** The last words of the server, for the log of a start that failed. */
export async function lastLines(path: string, count: number): Promise<string[]> {
  try {
    const text = await readFile(path, 'utf8');
    return text.slice(-8000).trimEnd().split('\n').slice(-count);
  } catch (error) {
    return [messageOf(error)];
  }
}
