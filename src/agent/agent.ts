/**
 * The agent: supervises one database server on behalf of one assignment, and keeps promises.
 *
 * All decisions are in src/ha/agent.ts. This file is the loop around it: events from the server's
 * process, the session, the probes and the controller go in; one task at a time comes out and is
 * carried out. Nothing here waits for the controller or for the disk's probe, so that neither can
 * keep a server from being supervised.
 */
import { access, readFile } from 'node:fs/promises';
import type { Assignment } from '../domain/assignment.ts';
import type { InstanceStatus } from '../domain/status.ts';
import type { EngineDriver } from '../engines/engine.ts';
import {
  type AgentEvent,
  type AgentState,
  initialAgentState,
  isFenced,
  missing,
  step,
  type Task,
} from '../ha/agent.ts';
import { describeAgent } from '../ha/agent-phase.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { messageOf, PlatformError } from '../lib/errors.ts';
import { newId } from '../lib/ids.ts';
import type { Log } from '../lib/log.ts';
import { until } from '../lib/wait.ts';
import type { AgentLaunch, PromiseReply, PromiseRequest } from './contract/contract.ts';
import type { AssignmentReply } from './contract/schemas.ts';
import {
  contextOf,
  type Home,
  homeOf,
  readAssignment,
  readCounters,
  writeAssignment,
  writeCounters,
} from './home.ts';
import { type AgentServer, serveAgent } from './http.ts';
import { boundServerLog, startFsyncProbe, startHeartbeat, startVolumeProbe } from './probes.ts';
import { openPromise, type PromiseStore } from './promise.ts';
import { startPusher } from './push.ts';
import { findServer, lastLines } from './server-process.ts';
import { statusKey, statusOf } from './status.ts';
import { failureSentence, HopelessError, perform, type Workbench, withDeadline } from './tasks.ts';

export type AgentOptions = {
  home: string;
  launch: AgentLaunch;
  driver: EngineDriver;
  log: Log;
  clock?: Clock;
};

export type RunningAgent = {
  status(): InstanceStatus;
  /** Ends the agent; the database server goes on. */
  stop(): Promise<void>;
  /** Stops the server, cleanly where that is honest. The agent goes on and does not start it again. */
  stopServer(): Promise<void>;
};

const observeEveryMs = 500;
const awaitStreamEveryMs = 20;
const awaitStreamForMs = 3_000;
const observeTimeoutMs = 5000;
const promiseDeadlineMs = 5000;
const listenAgainMs = 1000;
/** Cutting clients off, quiescing, and the engine's own shutdown or its end by SIGKILL. */
const stopServerDeadlineMs = 35_000;

export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  const { launch, driver, log } = options;
  const { identity } = launch;
  const clock = options.clock ?? systemClock;
  const home = homeOf(options.home);
  const credentials = await readCredentials(home);
  const remembered = await remember(home, launch);
  const bootId = newId();

  let state: AgentState = initialAgentState({
    instanceId: identity.instanceId,
    assignment: remembered.assignment,
    promisedTerm: remembered.promises?.record.term ?? 0,
    fault: remembered.fault,
    ...(await readCounters(home)),
  });
  let sequence = 0;
  let stopped = false;
  let taskAbort: AbortController | null = null;
  let wake: NodeJS.Timeout | undefined;
  let observing = false;
  let observeAgain = false;
  let lastKey = '';
  let lastPhase = '';
  let savedCounters = '';

  const bench: Workbench = {
    home,
    driver,
    context: contextOf(home, launch, log),
    clock,
    assignment: state.assignment,
    server: null,
    session: null,
    gone: Promise.resolve(),
    onExit(exit, asked) {
      bench.server = null;
      dropSession();
      heartbeat.reset();
      dispatch({ kind: 'exited', exit, asked });
      if (!asked && !stopped) void logLastWords(home, log);
    },
  };

  const fsync = startFsyncProbe(home.probe, clock);
  const volume = startVolumeProbe(home.files.volume, bench.context.size.diskGb * 1024 ** 3, (use) => {
    void boundServerLog(home.serverLog);
    if (use.full !== state.volumeFull) {
      log.warn({ ...use }, use.full ? 'the volume is full' : 'the volume has room again');
      dispatch({ kind: 'volume', full: use.full });
    }
  });
  const heartbeat = startHeartbeat(
    () => {
      const { session } = bench;
      const leads = state.assignment.role === 'leader' && state.progress.open && !isFenced(state);
      if (!session || state.held || !leads) return null;
      return (signal) => session.heartbeat(signal);
    },
    clock,
    () => pusher.nudge(),
  );

  const status = (): InstanceStatus => {
    sequence += 1;
    return statusOf({
      state,
      bench,
      clock,
      clusterId: identity.clusterId,
      bootId,
      sequence,
      quorumProbe: heartbeat.value(),
      fsync: fsync.value(),
      volume: volume.value(),
    });
  };
  const pusher = startPusher(launch.controllerUrl, credentials, status, log);

  function dispatch(event: AgentEvent): void {
    if (stopped) return;
    const now = clock.monotonicMs();
    const next = step(state, event, now);
    state = next.state;
    bench.assignment = state.assignment;
    for (const action of next.actions) {
      if (action.kind === 'abort') taskAbort?.abort(new Error('something else comes first'));
      else void execute(action.task);
    }
    scheduleWake(now);
    tell(now);
  }

  /** The pure core has no timer: when it waits, it is called again at the moment it waits for. */
  function scheduleWake(now: number): void {
    clearTimeout(wake);
    const waiting = state.running ? null : missing(state);
    if (!waiting || stopped) return;
    const at = waiting.kind === 'start' ? Math.max(state.retryAt, state.nextStartAt) : state.retryAt;
    wake = setTimeout(() => dispatch({ kind: 'tick' }), Math.max(1, Math.ceil(at - now)));
  }

  function tell(now: number): void {
    const key = statusKey(state);
    if (key === lastKey) return;
    lastKey = key;
    const { phase, why } = describeAgent(state, now);
    if (phase !== lastPhase) {
      log.info(
        { from: lastPhase, to: phase, term: state.assignment.term, promised: state.promisedTerm },
        why,
      );
      lastPhase = phase;
    }
    const { unplannedRestarts, restartsDone, applicationTerm } = state;
    const counters = JSON.stringify([unplannedRestarts, restartsDone, applicationTerm]);
    if (counters !== savedCounters) {
      savedCounters = counters;
      void writeCounters(home, { unplannedRestarts, restartsDone, applicationTerm }).catch(() => {});
    }
    pusher.nudge();
  }

  async function execute(task: Task): Promise<void> {
    const abort = new AbortController();
    taskAbort = abort;
    const aborted = new Promise<never>((_, reject) =>
      abort.signal.addEventListener('abort', () => reject(abort.signal.reason), { once: true }),
    );
    aborted.catch(() => {});
    try {
      const work = perform(bench, task, abort.signal);
      work.catch(() => {}); // an abandoned task may still fail
      await Promise.race([work, aborted]);
      dispatch({ kind: 'done' });
      if (task.kind !== 'start' && task.kind !== 'stop') void observe();
    } catch (error) {
      if (stopped) return;
      if (abort.signal.aborted) {
        // A session whose statement was abandoned may still carry it out; it must not be used again.
        if (task.kind !== 'connect' && task.kind !== 'prove') loseSession('a task was abandoned');
        return dispatch({ kind: 'failed', message: 'aborted', outcome: 'aborted' });
      }
      log.warn({ task: task.kind, error }, 'a task failed');
      const outcome = error instanceof HopelessError ? 'hopeless' : 'retry';
      dispatch({ kind: 'failed', message: failureSentence(error), outcome });
      // The observation tells a lost session from a statement that was refused.
      void observe();
    }
  }

  async function observe(): Promise<void> {
    const { session } = bench;
    if (!session || stopped) return;
    observeAgain = observing;
    if (observing) return;
    observing = true;
    const begunAt = clock.monotonicMs();
    try {
      const database = await withDeadline(session.observe(state.assignment), observeTimeoutMs, 'observing');
      if (bench.session === session) dispatch({ kind: 'observed', database, begunAt });
    } catch (error) {
      if (bench.session === session && !stopped) loseSession(messageOf(error));
    } finally {
      observing = false;
      // What was begun before a task ended says nothing about what the task has done.
      if (observeAgain) void observe();
      else if (isAwaitingStream()) setTimeout(() => void observe(), awaitStreamEveryMs).unref();
    }
  }

  /** A standby that has just been told whom to follow: whoever waits for the stream need not wait longer. */
  function isAwaitingStream(): boolean {
    if (stopped || !bench.session || state.progress.following === null) return false;
    const isNew = clock.monotonicMs() - state.settledAt < awaitStreamForMs;
    return isNew && state.database?.receiver?.state !== 'streaming';
  }

  function dropSession(): void {
    const { session } = bench;
    bench.session = null;
    if (session) void session.end().catch(() => {});
  }

  function loseSession(reason: string): void {
    if (!bench.session) return;
    log.warn({ reason }, "the agent's session is lost");
    dropSession();
    heartbeat.reset();
    dispatch({ kind: 'sessionLost', reason });
  }

  /** One mutating call at a time: what is refused depends on what was accepted before. */
  let calls: Promise<unknown> = Promise.resolve();
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = calls.then(work);
    calls = mine.catch(() => {});
    return mine;
  }

  async function assign(assignment: Assignment): Promise<AssignmentReply> {
    const promises = keptPromises();
    const held = state.assignment;
    if (assignment.instanceId !== identity.instanceId)
      throw new PlatformError(
        'invalid',
        `This is the agent of ${identity.instanceId}, not of another instance`,
      );
    if (assignment.term < promises.record.term)
      throw stale(`Term ${assignment.term} is older than term ${promises.record.term}, which is promised`);
    if (assignment.generation < held.generation)
      throw stale(
        `Generation ${assignment.generation} is older than generation ${held.generation}, which is in force`,
      );
    if (assignment.generation > held.generation || state.fault?.until === 'assignment') {
      if (assignment.term > promises.record.term)
        await promises.save({ ...promises.record, term: assignment.term, outgoingRule: held.rule });
      await writeAssignment(home, assignment);
      dispatch({ kind: 'assigned', assignment });
    }
    return { generation: state.assignment.generation, promisedTerm: promises.record.term };
  }

  /** In this order: receiver stopped, position read, promise durable, reply. */
  async function promise(request: PromiseRequest): Promise<PromiseReply> {
    const promises = keptPromises();
    const { record } = promises;
    const isRepeat =
      request.term === record.term &&
      request.coordinator === record.coordinator &&
      request.round === record.round &&
      state.assignment.term < request.term;
    if (request.term <= record.term && !isRepeat)
      throw stale(`Term ${request.term} is not newer than term ${record.term}, which is promised`);
    dispatch({ kind: 'held' });
    try {
      await until('the running task to end', isSettled, { deadlineMs: promiseDeadlineMs, maxEveryMs: 20 });
      const position = await stopAndReadPosition();
      await promises.save({
        ...record,
        term: request.term,
        coordinator: request.coordinator,
        round: request.round,
        // Two promises without an assignment in between still revoke the same rule.
        outgoingRule:
          state.assignment.term < record.term
            ? (record.outgoingRule ?? state.assignment.rule)
            : state.assignment.rule,
        highestReceived: position ?? record.highestReceived,
      });
      dispatch({ kind: 'promised', term: request.term });
      log.info({ term: request.term, coordinator: request.coordinator, position }, 'promised a term');
      return { promisedTerm: request.term, previousTerm: record.term, position };
    } catch (error) {
      if (error instanceof PlatformError) throw error;
      throw new PlatformError('unavailable', `No promise given: ${messageOf(error)}`, { cause: error });
    } finally {
      dispatch({ kind: 'released' });
    }
  }

  const isSettled = () =>
    state.running === null &&
    (state.server.kind === 'down' || (bench.session !== null && state.server.kind === 'up'));

  async function stopAndReadPosition(): Promise<PromiseReply['position']> {
    const { session } = bench;
    if (state.server.kind === 'down' || !session) return null;
    if (state.assignment.role === 'standby')
      return await withDeadline(session.stopReceiver(), promiseDeadlineMs, 'stopping the receiver');
    await withDeadline(session.close(), promiseDeadlineMs, 'cutting clients off');
    const seen = await withDeadline(session.observe(state.assignment), promiseDeadlineMs, 'observing');
    return seen.position;
  }

  function keptPromises(): PromiseStore {
    if (remembered.promises) return remembered.promises;
    throw new PlatformError('unavailable', state.fault?.sentence ?? 'The promise file cannot be read');
  }

  function stale(sentence: string): PlatformError {
    return new PlatformError('conflict', sentence, {
      context: { promisedTerm: state.promisedTerm, generation: state.assignment.generation },
    });
  }

  let server: AgentServer | undefined;
  let listenTimer: NodeJS.Timeout | undefined;
  /** A port that is taken must not keep the database down: the agent supervises and tries again. */
  async function listen(): Promise<void> {
    const api = {
      status,
      assign: (assignment: Assignment) => inTurn(() => assign(assignment)),
      promise: (request: PromiseRequest) => inTurn(() => promise(request)),
    };
    try {
      const address = { host: identity.host, port: identity.agentPort };
      const listening = await serveAgent(address, credentials, api, log);
      if (stopped) await listening.close();
      else server = listening;
    } catch (error) {
      log.error({ error }, 'the agent cannot listen; it tries again');
      if (!stopped) listenTimer = setTimeout(() => void listen(), listenAgainMs);
    }
  }

  async function adopt(): Promise<void> {
    let resolveGone = () => {};
    bench.gone = new Promise((resolve) => {
      resolveGone = resolve;
    });
    const { file: executable } = driver.command(bench.context);
    const kin = { instanceId: identity.instanceId, executable };
    const found = await findServer(home, kin, (exit, asked) => {
      resolveGone();
      bench.onExit(exit, asked);
    });
    if (found.kind === 'running') {
      bench.server = found.server;
      const { pid, restartCount } = found.server.record;
      log.info({ pid }, 'adopted the server that runs');
      dispatch({ kind: 'found', server: { restartCount } });
      return;
    }
    if (found.kind === 'none') return dispatch({ kind: 'found', server: null });
    const exit = { code: null, signal: null, at: clock.nowMs() };
    dispatch({ kind: 'exited', exit, asked: found.record.stopping });
  }

  await Promise.all([listen(), adopt()]);
  const observer = setInterval(() => void observe(), observeEveryMs);

  return {
    status,
    async stopServer() {
      dispatch({ kind: 'leaving' });
      await until('the server to stop', () => state.server.kind === 'down' && state.running === null, {
        deadlineMs: stopServerDeadlineMs,
        everyMs: 5,
        maxEveryMs: 20,
      });
    },
    async stop() {
      stopped = true;
      clearInterval(observer);
      clearTimeout(wake);
      clearTimeout(listenTimer);
      taskAbort?.abort(new Error('the agent stops'));
      pusher.stop();
      void fsync.stop();
      void volume.stop();
      void heartbeat.stop();
      await server?.close();
      const { session } = bench;
      bench.session = null;
      if (session) await withDeadline(session.end(), 1000, 'ending the session').catch(() => {});
    },
  };
}

type Remembered = {
  assignment: Assignment;
  promises: PromiseStore | null;
  fault: AgentState['fault'];
};

/** What state/ says. What cannot be understood becomes a fault that the status tells, never a guess. */
async function remember(home: Home, launch: AgentLaunch): Promise<Remembered> {
  let assignment = launch.assignment;
  let fault: AgentState['fault'] = null;
  try {
    const kept = await readAssignment(home);
    if (kept && kept.generation >= assignment.generation) assignment = kept;
    else await writeAssignment(home, assignment);
  } catch (error) {
    fault = {
      sentence: `${failureSentence(error)}. The instance stays closed until it is given its assignment again.`,
      until: 'assignment',
    };
  }
  try {
    await access(home.files.volume);
    return { assignment, promises: await openPromise(home, assignment.term), fault };
  } catch (error) {
    const isMissing = !(error instanceof PlatformError);
    const sentence = isMissing
      ? `The volume or the state of this instance cannot be used: ${messageOf(error)}. ` +
        'Put the volume back, or remove the instance and let a new standby take its place.'
      : failureSentence(error);
    return { assignment, promises: null, fault: { sentence, until: 'person' } };
  }
}

async function readCredentials(home: Home) {
  const { ca, cert, key } = home.files.tls;
  try {
    return {
      ca: await readFile(ca, 'utf8'),
      cert: await readFile(cert, 'utf8'),
      key: await readFile(key, 'utf8'),
    };
  } catch (cause) {
    throw new PlatformError('refused', `The agent's certificate cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  }
}

async function logLastWords(home: Home, log: Log): Promise<void> {
  log.warn({ lines: await lastLines(home.serverLog, 5) }, 'the server has ended; these were its last lines');
}
