/**
 * The phase of an instance and the one sentence that says why, from the agent's state. The same words
 * go into the log, the API and the console.
 */
import type { Assignment } from '../domain/assignment.ts';
import type { InstancePhase, ServerExit } from '../domain/status.ts';
import { type AgentState, isFenced, missing, sourceOf } from './agent.ts';

export type PhaseAndWhy = { phase: InstancePhase; why: string };

export function describeAgent(state: AgentState, now: number): PhaseAndWhy {
  const { assignment, server, running, fault } = state;
  if (fault) return { phase: 'failed', why: fault.sentence };
  if (server.kind === 'unknown')
    return { phase: 'preparing', why: 'The agent looks for a server that runs already.' };
  if (running?.task.kind === 'stop' && server.kind === 'up') return stopping(state);
  if (server.kind === 'down') return down(state, now);
  if (!server.session && !state.progress.open) {
    const waited = running ? seconds(now - running.since) : '0 s';
    return { phase: 'starting', why: `The server has started and does not answer yet (${waited}).` };
  }
  if (isFenced(state)) {
    const why = `Term ${state.promisedTerm} is promised and the assignment is of term ${assignment.term}: it stays closed and follows nobody until the assignment of the new term comes.`;
    return { phase: state.progress.open ? 'open' : 'gated', why };
  }
  if (state.progress.open || (state.database?.open === true && state.progress.provenTerm === null))
    return open(state);
  if (running?.task.kind === 'prove') return { phase: 'proving', why: proving(state, now) };
  if (assignment.role === 'standby' && !sourceOf(assignment))
    return { phase: 'gated', why: 'The assignment names no leader that this standby could follow.' };
  return { phase: 'gated', why: sentenceForNext(state) };
}

function stopping({ assignment, leaving }: AgentState): PhaseAndWhy {
  const why = leaving
    ? 'The server is being stopped because the platform is being taken down.'
    : assignment.run === 'stopped'
      ? 'The server is being stopped because the assignment says so.'
      : 'The server is being stopped for the restart that was asked for.';
  return { phase: 'stopping', why };
}

function down(state: AgentState, now: number): PhaseAndWhy {
  const { assignment, running, recovering, lastExit } = state;
  if (running?.task.kind === 'start') {
    if (recovering && lastExit)
      return { phase: 'preparing', why: `${exitSentence(lastExit)} It is being started again, closed.` };
    return { phase: 'preparing', why: 'The server is being prepared and started, closed.' };
  }
  if (assignment.run === 'stopped')
    return { phase: 'stopped', why: 'The server is stopped because the assignment says so.' };
  if (state.problem) {
    const again = seconds(Math.max(0, state.retryAt - now));
    return {
      phase: 'crashed',
      why: `The server could not be started: ${trim(state.problem)}. Tries again in ${again}.`,
    };
  }
  if (recovering && lastExit) {
    const again = seconds(Math.max(0, state.nextStartAt - now));
    const nth = state.exitsInARow > 1 ? ` It has ended ${state.exitsInARow} times in a row.` : '';
    return { phase: 'crashed', why: `${exitSentence(lastExit)}${nth} It is started again in ${again}.` };
  }
  return { phase: 'preparing', why: 'The server is about to be started.' };
}

function open(state: AgentState): PhaseAndWhy {
  const { assignment } = state;
  const parts: string[] = [];
  if (assignment.role === 'leader') {
    parts.push(
      state.volumeFull
        ? 'Open as primary for reads only: its volume is full, so it refuses writes until space is freed.'
        : 'Open as primary.',
    );
    if (state.progress.provenTerm !== assignment.term)
      parts.push('It proves again to itself that its term holds.');
  } else {
    parts.push(`Open for reads; follows ${sourceOf(assignment)?.name ?? 'nobody'}.`);
  }
  if (state.server.kind === 'up' && !state.server.session)
    parts.push('The agent has lost its own session and connects again.');
  else if (state.problem) parts.push(`${sentenceForNext(state)}`);
  return { phase: 'open', why: parts.join(' ') };
}

function proving(state: AgentState, now: number): string {
  const { assignment, running, database } = state;
  const { rule } = assignment;
  if (rule.k === 0) return `Writes the marker of term ${rule.term}.`;
  const ackers = namesOf(assignment, rule.ackers);
  const streaming = new Set(database?.followers ?? []);
  const absent = ackers.filter((name) => !streaming.has(name));
  const waited = running ? seconds(now - running.since) : '0 s';
  const need = `${rule.k} of ${ackers.join(', ')}`;
  const who = absent.length > 0 ? `; not streaming yet: ${absent.join(', ')}` : '';
  return `Waits for ${need} to acknowledge the marker of term ${rule.term}${who} (${waited}).`;
}

const nextWords = {
  start: 'starting the server',
  connect: 'connecting to the server',
  provisionPlatform: 'making the accounts of the platform',
  enforceRule: 'putting the durability rule in force',
  prove: 'proving the term',
  provisionApplication: 'making the database and the account of the application',
  allowWrites: 'allowing writes',
  refuseWrites: 'refusing writes',
  follow: 'following the primary',
  open: 'letting clients in',
  close: 'cutting clients off',
  stop: 'stopping the server',
} as const;

function sentenceForNext(state: AgentState): string {
  const task = state.running?.task ?? missing(state);
  if (!task) return 'Nothing is left to do.';
  const doing = nextWords[task.kind];
  if (state.problem) return `Not done yet: ${doing} (${trim(state.problem)}); the agent tries again.`;
  return `Closed to clients; next: ${doing}.`;
}

/** For example: The server was killed by SIGKILL. */
export function exitSentence(exit: ServerExit): string {
  if (exit.signal) return `The server was killed by ${exit.signal}.`;
  if (exit.code !== null) return `The server ended by itself with exit code ${exit.code}.`;
  return 'The server has ended while no agent watched it.';
}

function namesOf(assignment: Assignment, ids: readonly string[]): string[] {
  return ids.map((id) => assignment.members.find((member) => member.instanceId === id)?.name ?? id);
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const trim = (text: string) => text.trim().replace(/\.+$/, '');
