/**
 * What an agent does next with its one server: a pure function over the assignment, the promise, the
 * server's state, what the database says, and time. The agent executes the answer and reports back.
 *
 * The idea: `missing` compares what the assignment asks for with what this life of the server has been
 * given so far and names the first thing that is missing. One task runs at a time. A task that only
 * waits (connect, prove) is aborted as soon as something else is missing first. So there is no script
 * that could be left half-way: after any crash the same comparison continues.
 *
 * The gate is the order in `missing`: no path reaches `open` on a leader without `prove` in this term
 * and this life of the server, and no path reaches `follow`, `prove` or `open` under a term that is
 * older than the one promised.
 */
import type { Assignment, Member } from '../domain/assignment.ts';
import type { DatabaseObservation, ServerExit } from '../domain/status.ts';

export type Task =
  | { kind: 'start'; restartCount: number }
  | { kind: 'connect' }
  | { kind: 'provisionPlatform'; key: string }
  | { kind: 'enforceRule'; key: string }
  | { kind: 'prove'; term: number }
  | { kind: 'provisionApplication'; term: number }
  | { kind: 'allowWrites' }
  | { kind: 'refuseWrites' }
  | { kind: 'follow'; source: Member; key: string }
  | { kind: 'open' }
  | { kind: 'close' }
  | { kind: 'stop' };

/** Something that no retry heals. `until` says what does: a new assignment, or only a person. */
export type Fault = { sentence: string; until: 'assignment' | 'person' };

/** What this life of the server has been given so far. */
export type Progress = {
  platform: string | null;
  rule: string | null;
  provenTerm: number | null;
  following: string | null;
  writes: 'allowed' | 'refused' | null;
  open: boolean;
};

export type ServerState =
  | { kind: 'unknown' }
  | { kind: 'down' }
  | {
      kind: 'up';
      session: boolean;
      /** The assignment's restartCount when this server was started: restarts up to it are done. */
      restartCount: number;
      /** Being stopped because the agent wants it so. */
      stopping: boolean;
    };

export type AgentState = {
  instanceId: string;
  assignment: Assignment;
  promisedTerm: number;
  /** A promise is being given: the running task may end, nothing new begins. */
  held: boolean;
  fault: Fault | null;
  server: ServerState;
  /** Grows with each exit, so that the late result of a task on a dead server counts for nothing. */
  life: number;
  running: { task: Task; life: number; since: number } | null;
  progress: Progress;
  /** The term in which the application's database and account were made; outlives the server. */
  applicationTerm: number;
  restartsDone: number;
  unplannedRestarts: number;
  /** Exits in a row without having been open for long in between. */
  exitsInARow: number;
  lastExit: ServerExit | null;
  /** The last exit was nobody's wish, and the server is not open again yet. */
  recovering: boolean;
  nextStartAt: number;
  openSince: number | null;
  failures: number;
  retryAt: number;
  problem: string | null;
  settledAt: number;
  volumeFull: boolean;
  /** The host takes this instance down: the server is stopped whatever the assignment says. */
  leaving: boolean;
  database: DatabaseObservation | null;
  convergedGeneration: number;
};

export type AgentEvent =
  | { kind: 'assigned'; assignment: Assignment }
  | { kind: 'promised'; term: number }
  | { kind: 'held' }
  | { kind: 'released' }
  | { kind: 'faulted'; fault: Fault }
  /** What the first look found: a server to adopt, or none. */
  | { kind: 'found'; server: { restartCount: number } | null }
  | { kind: 'exited'; exit: ServerExit; asked: boolean }
  | { kind: 'sessionLost'; reason: string }
  | { kind: 'observed'; database: DatabaseObservation; begunAt: number }
  | { kind: 'volume'; full: boolean }
  | { kind: 'leaving' }
  | { kind: 'done' }
  | { kind: 'failed'; message: string; outcome: 'retry' | 'aborted' | 'hopeless' }
  | { kind: 'tick' };

export type AgentAction = { kind: 'run'; task: Task } | { kind: 'abort' };

/** Pause before the n-th start after exits in a row that nobody asked for. */
export const restartBackOffMs = [0, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000] as const;
/** Pause after the n-th failure in a row of one task. */
export const retryBackOffMs = [100, 200, 500, 1000, 2000, 5000] as const;
/** Open for so long, the next exit is a first one again. */
export const steadyAfterMs = 60_000;

const nothingYet: Progress = {
  platform: null,
  rule: null,
  provenTerm: null,
  following: null,
  writes: null,
  open: false,
};

export type InitialAgent = Pick<AgentState, 'instanceId' | 'assignment' | 'promisedTerm' | 'fault'> &
  Pick<AgentState, 'applicationTerm' | 'restartsDone' | 'unplannedRestarts'>;

export function initialAgentState(initial: InitialAgent): AgentState {
  return {
    ...initial,
    held: false,
    server: { kind: 'unknown' },
    life: 0,
    running: null,
    progress: nothingYet,
    exitsInARow: 0,
    lastExit: null,
    recovering: false,
    nextStartAt: 0,
    openSince: null,
    failures: 0,
    retryAt: 0,
    problem: null,
    settledAt: 0,
    volumeFull: false,
    leaving: false,
    database: null,
    convergedGeneration: 0,
  };
}

/** `now` is monotonic, in milliseconds. */
export function step(
  before: AgentState,
  event: AgentEvent,
  now: number,
): { state: AgentState; actions: AgentAction[] } {
  const state = fold(before, event, now);
  const wanted = missing(state);
  if (state.running) {
    const abort = mayAbort(state, state.running, wanted) && !sameTask(state.running.task, wanted);
    return { state, actions: abort ? [{ kind: 'abort' }] : [] };
  }
  if (!wanted) {
    if (isConverged(state)) state.convergedGeneration = state.assignment.generation;
    return { state, actions: [] };
  }
  if (now < state.retryAt && wanted.kind !== 'stop' && wanted.kind !== 'close') return { state, actions: [] };
  if (wanted.kind === 'start' && now < state.nextStartAt) return { state, actions: [] };
  state.running = { task: wanted, life: state.life, since: now };
  if (wanted.kind === 'stop' && state.server.kind === 'up')
    state.server = { ...state.server, stopping: true };
  return { state, actions: [{ kind: 'run', task: wanted }] };
}

/** The first thing that the assignment asks for and the server does not have. Null: nothing. */
export function missing(state: AgentState): Task | null {
  const { assignment, server, progress } = state;
  if (server.kind === 'unknown') return null;
  if (state.leaving) return server.kind === 'up' ? { kind: 'stop' } : null;
  if (state.fault) return missingInFault(state);
  // Giving a promise needs a session where a server runs; connecting changes nothing there.
  if (state.held) return server.kind === 'up' && !server.session ? { kind: 'connect' } : null;
  if (server.kind === 'down') {
    return assignment.run === 'running' ? { kind: 'start', restartCount: assignment.restartCount } : null;
  }
  if (server.stopping || assignment.run === 'stopped') return { kind: 'stop' };
  if (assignment.restartCount > server.restartCount) return { kind: 'stop' };
  if (!server.session) return { kind: 'connect' };

  const fenced = isFenced(state);
  if (fenced && mustClose(state)) return { kind: 'close' };
  const platform = platformKey(assignment);
  if (progress.platform !== platform) return { kind: 'provisionPlatform', key: platform };
  if (fenced) return null;

  if (assignment.role === 'leader') {
    const rule = ruleKey(assignment);
    if (progress.rule !== rule) return { kind: 'enforceRule', key: rule };
    if (progress.provenTerm !== assignment.term) return { kind: 'prove', term: assignment.term };
    if (state.volumeFull) {
      if (progress.writes !== 'refused') return { kind: 'refuseWrites' };
    } else {
      if (state.applicationTerm !== assignment.term)
        return { kind: 'provisionApplication', term: assignment.term };
      if (progress.writes !== 'allowed') return { kind: 'allowWrites' };
    }
  } else {
    const source = sourceOf(assignment);
    if (!source) return null;
    const key = followKey(assignment, source);
    if (progress.following !== key) return { kind: 'follow', source, key };
  }
  return progress.open ? null : { kind: 'open' };
}

/** An agent that does not know what it has promised does one thing: it cuts a leader's clients off. */
function missingInFault(state: AgentState): Task | null {
  const { fault, server, assignment } = state;
  if (fault?.until !== 'person' || server.kind !== 'up' || assignment.role !== 'leader') return null;
  if (server.stopping) return null;
  if (!server.session) return { kind: 'connect' };
  return mustClose(state) ? { kind: 'close' } : null;
}

/** A newer term than the assignment's is promised: this instance may neither lead nor follow. */
export function isFenced(state: AgentState): boolean {
  return state.promisedTerm > state.assignment.term;
}

/** A fenced leader cuts its clients off. A fenced standby keeps the readers that it has. */
function mustClose(state: AgentState): boolean {
  const isOpen = state.progress.open || state.database?.open === true;
  return state.assignment.role === 'leader' && isOpen;
}

export function sourceOf(assignment: Assignment): Member | undefined {
  return assignment.members.find(
    (member) => member.instanceId === assignment.rule.leader && member.instanceId !== assignment.instanceId,
  );
}

function isConverged(state: AgentState): boolean {
  if (state.held || state.fault || isFenced(state)) return false;
  if (state.assignment.run === 'stopped') return state.server.kind === 'down';
  return state.server.kind === 'up' && state.progress.open;
}

const platformKey = (assignment: Assignment) => JSON.stringify(assignment.members);
const ruleKey = ({ rule, members, ack }: Assignment) => JSON.stringify([rule, members, ack]);
const followKey = ({ rule }: Assignment, source: Member) =>
  JSON.stringify([rule, source.instanceId, source.host, source.port]);

function sameTask(a: Task, b: Task | null): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Waiting tasks give way to anything; others on a session only to the server's end. */
function mayAbort(
  state: AgentState,
  running: NonNullable<AgentState['running']>,
  wanted: Task | null,
): boolean {
  const { kind } = running.task;
  if (kind === 'start' || kind === 'stop') return false;
  if (kind === 'connect' || kind === 'prove') return true;
  return running.life !== state.life || wanted?.kind === 'stop';
}

function fold(before: AgentState, event: AgentEvent, now: number): AgentState {
  const state = { ...before };
  switch (event.kind) {
    case 'assigned':
      state.assignment = event.assignment;
      state.promisedTerm = Math.max(state.promisedTerm, event.assignment.term);
      if (state.fault?.until === 'assignment') state.fault = null;
      return forgetFailures(state);
    case 'promised':
      return { ...state, promisedTerm: Math.max(state.promisedTerm, event.term) };
    case 'leaving':
      return { ...state, leaving: true };
    case 'held':
      return { ...state, held: true };
    case 'released':
      // Its receiver may have been stopped, whatever became of the promise.
      return { ...state, held: false, progress: { ...state.progress, following: null } };
    case 'faulted':
      return { ...state, fault: event.fault };
    case 'found':
      if (!event.server) return { ...state, server: { kind: 'down' } };
      state.restartsDone = event.server.restartCount;
      state.server = {
        kind: 'up',
        session: false,
        restartCount: event.server.restartCount,
        stopping: false,
      };
      return state;
    case 'exited':
      return afterExit(state, event.exit, event.asked, now);
    case 'sessionLost':
      if (state.server.kind === 'up') state.server = { ...state.server, session: false };
      // A new session knows nothing of the rule that the old one has put in force.
      state.progress = { ...state.progress, rule: null };
      return { ...state, problem: event.reason, database: null };
    case 'observed':
      return afterObservation(state, event.database, event.begunAt, now);
    case 'volume':
      return { ...state, volumeFull: event.full };
    case 'done':
      return afterTask(state, now);
    case 'failed':
      return afterFailure(state, event.message, event.outcome, now);
    case 'tick':
      return state;
  }
}

function afterExit(state: AgentState, exit: ServerExit, asked: boolean, now: number): AgentState {
  const wasSteady = state.openSince !== null && now - state.openSince >= steadyAfterMs;
  const planned = asked || (state.server.kind === 'up' && state.server.stopping);
  const next = forgetFailures({
    ...state,
    server: { kind: 'down' },
    life: state.life + 1,
    progress: nothingYet,
    database: null,
    openSince: null,
    lastExit: exit,
    recovering: !planned,
    nextStartAt: now,
  });
  if (planned) return { ...next, exitsInARow: 0 };
  next.unplannedRestarts += 1;
  next.exitsInARow = (wasSteady ? 0 : state.exitsInARow) + 1;
  next.nextStartAt = now + pause(restartBackOffMs, next.exitsInARow);
  return next;
}

/** Believes an observation only when it was begun after the last task had ended. */
function afterObservation(
  state: AgentState,
  database: DatabaseObservation,
  begunAt: number,
  now: number,
): AgentState {
  if (begunAt < state.settledAt) return state;
  const next = { ...state, database };
  if (state.running || now < state.retryAt) return next;
  const { progress, assignment } = state;
  if (!progress.open || isFenced(state)) return next;
  const repair = (change: Partial<Progress>, problem: string): AgentState => ({
    ...next,
    progress: { ...progress, ...change },
    problem,
    retryAt: now + 1000,
  });
  if (!database.open) return repair({ open: false }, 'the server does not let clients in');
  if (assignment.role === 'leader' && progress.writes === 'allowed' && !database.writable)
    return repair({ writes: null }, 'the server does not take writes');
  const receiverStopped = database.receiver === null || database.receiver.state === 'stopped';
  if (assignment.role === 'standby' && progress.following !== null && receiverStopped)
    return repair({ following: null }, database.receiver?.error ?? 'the receiver has stopped');
  return next;
}

function afterTask(state: AgentState, now: number): AgentState {
  const ended = state.running;
  const next = forgetFailures({ ...state, running: null, settledAt: now });
  if (!ended || ended.life !== state.life) return next;
  const { task } = ended;
  const progress = { ...next.progress };
  next.progress = progress;
  switch (task.kind) {
    case 'start':
      next.server = { kind: 'up', session: false, restartCount: task.restartCount, stopping: false };
      next.restartsDone = task.restartCount;
      break;
    case 'connect':
      if (next.server.kind === 'up') next.server = { ...next.server, session: true };
      break;
    case 'provisionPlatform':
      progress.platform = task.key;
      break;
    case 'enforceRule':
      progress.rule = task.key;
      break;
    case 'prove':
      progress.provenTerm = task.term;
      break;
    case 'provisionApplication':
      next.applicationTerm = task.term;
      break;
    case 'allowWrites':
      progress.writes = 'allowed';
      if (next.database) next.database = { ...next.database, writable: true };
      break;
    case 'refuseWrites':
      progress.writes = 'refused';
      if (next.database) next.database = { ...next.database, writable: false };
      break;
    case 'follow':
      // A promise given meanwhile has stopped the receiver again.
      progress.following = isFenced(next) ? null : task.key;
      break;
    case 'open':
      progress.open = true;
      if (next.database) next.database = { ...next.database, open: true };
      next.openSince = now;
      next.recovering = false;
      break;
    case 'close':
      progress.open = false;
      next.openSince = null;
      if (next.database) next.database = { ...next.database, open: false };
      break;
    case 'stop':
      break; // the exit says when it is over
  }
  return next;
}

function afterFailure(
  state: AgentState,
  message: string,
  outcome: 'retry' | 'aborted' | 'hopeless',
  now: number,
): AgentState {
  const next: AgentState = { ...state, running: null, settledAt: now };
  if (state.running && state.running.life !== state.life) return next;
  if (outcome === 'hopeless') return { ...next, fault: { sentence: message, until: 'person' } };
  if (outcome === 'aborted') return next;
  next.failures += 1;
  next.problem = message;
  next.retryAt = now + pause(retryBackOffMs, next.failures);
  return next;
}

function forgetFailures(state: AgentState): AgentState {
  return { ...state, failures: 0, retryAt: 0, problem: null };
}

function pause(series: readonly number[], nth: number): number {
  return series[Math.min(nth, series.length) - 1] ?? 0;
}
