/** Puts the status together from the state of the pure core and what the probes have measured. */
import type { InstanceStatus } from '../domain/status.ts';
import type { AgentState } from '../ha/agent.ts';
import { describeAgent } from '../ha/agent-phase.ts';
import type { Clock } from '../lib/clock.ts';
import { residentBytes } from '../os/processes.ts';
import type { QuorumProbe } from './probes.ts';
import type { Workbench } from './tasks.ts';

export type StatusParts = {
  state: AgentState;
  bench: Workbench;
  clock: Clock;
  clusterId: string;
  bootId: string;
  sequence: number;
  quorumProbe: QuorumProbe;
  fsync: InstanceStatus['fsync'];
  volume: InstanceStatus['volume'];
};

export function statusOf(parts: StatusParts): InstanceStatus {
  const { state, bench, clock } = parts;
  const now = clock.monotonicMs();
  const at = clock.nowMs();
  const { phase, why } = describeAgent(state, now);
  const record = bench.server?.record;
  const waitsToStart = state.server.kind === 'down' && state.recovering && phase === 'crashed';
  const nextStart = Math.max(state.nextStartAt, state.retryAt);
  return {
    clusterId: parts.clusterId,
    instanceId: state.instanceId,
    agentBootId: parts.bootId,
    sequence: parts.sequence,
    at,
    phase,
    why,
    promisedTerm: state.promisedTerm,
    generation: state.assignment.generation,
    convergedGeneration: state.convergedGeneration,
    restartsDone: state.restartsDone,
    server: {
      pid: record?.pid ?? null,
      startedAt: record?.startedAt ?? null,
      unplannedRestarts: state.unplannedRestarts,
      lastExit: state.lastExit,
      nextStartAt: waitsToStart ? Math.round(at + Math.max(0, nextStart - now)) : null,
      version: bench.session?.serverVersion ?? null,
      residentBytes: record ? residentBytes(record.pid) : null,
    },
    database: state.database,
    quorumProbe: state.assignment.role === 'leader' ? parts.quorumProbe : null,
    fsync: parts.fsync,
    volume: parts.volume,
  };
}

/** Changes exactly when somebody should hear of it at once. */
export function statusKey(state: AgentState): string {
  const { phase } = describeAgent(state, 0);
  const { database, promisedTerm, convergedGeneration, restartsDone, unplannedRestarts, volumeFull } = state;
  return JSON.stringify([
    phase,
    state.running?.task.kind,
    state.assignment.generation,
    promisedTerm,
    convergedGeneration,
    restartsDone,
    unplannedRestarts,
    volumeFull,
    state.problem,
    state.fault?.sentence,
    database?.role,
    database?.open,
    database?.writable,
    database?.receiver?.state,
    database?.followers,
  ]);
}
