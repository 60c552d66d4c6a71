/**
 * How each task that the pure core asks for is carried out: which call of the driver, which process
 * is started or ended. Whether and when is decided in src/ha/agent.ts.
 */
import { access, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Assignment } from '../domain/assignment.ts';
import type { DatabaseSession, EngineDriver, InstanceContext } from '../engines/engine.ts';
import type { Task } from '../ha/agent.ts';
import type { Clock } from '../lib/clock.ts';
import { codeOf, messageOf, PlatformError } from '../lib/errors.ts';
import type { Home } from './home.ts';
import { type ExitListener, killStrays, type RunningServer, startServer } from './server-process.ts';

/** What tasks work on; the agent owns it. */
export type Workbench = {
  readonly home: Home;
  readonly driver: EngineDriver;
  readonly context: InstanceContext;
  readonly clock: Clock;
  readonly onExit: ExitListener;
  assignment: Assignment;
  server: RunningServer | null;
  session: DatabaseSession | null;
  /** Resolves when nothing of the present server is left. */
  gone: Promise<void>;
};

/** No retry heals this; the message says what a person must do. */
export class HopelessError extends Error {}

const connectEveryMs = 25;
const connectTimeoutMs = 10_000;
const closeTimeoutMs = 2000;
const quiesceMs = 5000;
/**
 * A clean shutdown only saves the next start some recovery, so it is not worth a long outage: mysqld
 * takes 1 to 3 s, or 11 s when a standby connects again in the wrong moment (it then waits for that
 * connection to time out). Nothing waits for an acknowledgement at this point, and SIGKILL is safe.
 */
const stopDeadlineMs = 6_000;

export async function perform(bench: Workbench, task: Task, signal: AbortSignal): Promise<void> {
  switch (task.kind) {
    case 'start':
      return await start(bench, task.restartCount);
    case 'connect':
      return await connect(bench, signal);
    case 'stop':
      return await stop(bench);
    default:
      return await onSession(bench.session, bench.assignment, task, signal);
  }
}

async function onSession(
  session: DatabaseSession | null,
  assignment: Assignment,
  task: Exclude<Task, { kind: 'start' | 'connect' | 'stop' }>,
  signal: AbortSignal,
): Promise<void> {
  if (!session) throw new Error('there is no session');
  const { rule, members } = assignment;
  switch (task.kind) {
    case 'provisionPlatform':
      return await session.provisionPlatform(assignment);
    case 'enforceRule':
      return await session.enforceRule(rule, members);
    case 'prove':
      return await session.prove(rule, signal);
    case 'provisionApplication':
      return await session.provisionApplication();
    case 'allowWrites':
      return await session.allowWrites();
    case 'refuseWrites':
      return await session.refuseWrites();
    case 'follow':
      return await session.follow(task.source, rule);
    case 'open':
      return await session.open();
    case 'close':
      return await session.close();
  }
}

async function start(bench: Workbench, restartCount: number): Promise<void> {
  const { home, driver, context, assignment } = bench;
  await access(home.files.data).catch((cause) => {
    throw new HopelessError(
      `The data directory ${home.files.data} is missing or closed to the agent (${codeOf(cause)}). ` +
        'Put the volume back, or remove the instance and let a new standby take its place.',
    );
  });
  if (bench.server?.alive()) return;
  // Whoever else works on these files would work against the new server.
  const command = driver.command(context);
  const kin = { instanceId: context.identity.instanceId, executable: command.file };
  await killStrays(home, kin);
  try {
    await mkdir(home.files.run, { recursive: true, mode: 0o700 });
    for (const name of await readdir(home.files.run))
      await rm(join(home.files.run, name), { recursive: true, force: true });
    await driver.prepare(context, assignment);
    let resolveGone = () => {};
    bench.gone = new Promise((resolve) => {
      resolveGone = resolve;
    });
    bench.server = await startServer(home, kin, command, restartCount, (exit, asked) => {
      resolveGone();
      bench.onExit(exit, asked);
    });
  } catch (error) {
    if (codeOf(error) === 'ENOSPC' || codeOf((error as { cause?: unknown }).cause) === 'ENOSPC')
      throw new PlatformError('unavailable', 'The disk of this host is full; free some space on it', {
        cause: error,
      });
    throw error;
  }
}

async function connect(bench: Workbench, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const attempt = bench.driver.connect(bench.context);
    try {
      const session = await withDeadline(attempt, connectTimeoutMs, 'connecting to the server');
      if (signal.aborted) {
        void session.end().catch(() => {});
        signal.throwIfAborted();
      }
      bench.session = session;
      return;
    } catch {
      // Late answers must not leave a session behind.
      void attempt.then((late) => (bench.session === late ? undefined : late.end())).catch(() => {});
    }
    await bench.clock.delay(connectEveryMs, signal);
  }
}

/**
 * Clean only where that is honest. A primary whose commits wait for acknowledgements would answer OK
 * to them when stopped cleanly (MySQL), so it is killed; so is a server that cannot be asked.
 */
async function stop(bench: Workbench): Promise<void> {
  const { server, session } = bench;
  if (!server) return;
  await server.markStopping();
  const quiet = session !== null && (await isQuiet(session));
  // A shutdown waits for sessions: mysqld for two seconds, for the agent's own as for any other.
  bench.session = null;
  if (session) await withDeadline(session.end(), 1000, 'ending the session').catch(() => {});
  if (quiet) server.signal(bench.driver.command(bench.context).stopSignal);
  else server.kill();
  const ended = bench.gone.then(() => true);
  const inTime = await Promise.race([ended, bench.clock.delay(stopDeadlineMs).then(() => false)]);
  if (inTime) return;
  server.kill();
  await bench.gone;
}

async function isQuiet(session: DatabaseSession): Promise<boolean> {
  try {
    await withDeadline(session.close(), closeTimeoutMs, 'cutting clients off');
    return (await withDeadline(session.quiesce(quiesceMs), quiesceMs + 1000, 'quiescing')) === 'quiet';
  } catch {
    return false;
  }
}

export async function withDeadline<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new PlatformError('timeout', `The server did not answer within ${ms} ms (${what})`)),
      ms,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The sentence of a task that failed, for the status. */
export function failureSentence(error: unknown): string {
  return error instanceof PlatformError ? error.publicMessage : messageOf(error);
}
