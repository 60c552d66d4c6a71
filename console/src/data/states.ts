/** Which tone a state has, and what may be done in which state: one table each. */
import {
  type Cluster,
  finalStates,
  type Instance,
  type OperationSummary,
} from '../../../src/api/contract/schemas.ts';

export type Tone = 'ok' | 'warn' | 'bad' | 'busy' | 'idle';

export type ClusterState = Cluster['state'];
export type OperationState = OperationSummary['state'];
export type OperationKind = OperationSummary['kind'];

export const clusterTone: Record<ClusterState, Tone> = {
  creating: 'busy',
  ready: 'ok',
  degraded: 'warn',
  unavailable: 'bad',
  deleting: 'busy',
  deleted: 'idle',
  failed: 'bad',
};

export const operationTone: Record<OperationState, Tone> = {
  pending: 'idle',
  running: 'busy',
  waiting: 'warn',
  cancelling: 'warn',
  done: 'ok',
  failed: 'bad',
  cancelled: 'idle',
};

const instanceTones: Record<string, Tone> = {
  preparing: 'busy',
  starting: 'busy',
  gated: 'busy',
  proving: 'busy',
  open: 'ok',
  stopping: 'busy',
  stopped: 'idle',
  crashed: 'bad',
  failed: 'bad',
  unreachable: 'warn',
};

export function instanceTone(instance: Pick<Instance, 'state' | 'role' | 'receiver'>): Tone {
  const tone = instanceTones[instance.state] ?? 'idle';
  if (tone === 'ok' && instance.role === 'standby' && instance.receiver !== 'streaming') return 'warn';
  return tone;
}

type Action = 'restart' | 'delete' | 'undelete' | 'reveal';

const allowed: Record<ClusterState, readonly Action[]> = {
  creating: ['delete'],
  ready: ['restart', 'delete', 'reveal'],
  degraded: ['restart', 'delete', 'reveal'],
  unavailable: ['restart', 'delete', 'reveal'],
  deleting: [],
  deleted: ['undelete'],
  failed: ['delete'],
};

/** One operation at a time: while one runs, nothing that starts another may be pressed. */
export function may(cluster: Pick<Cluster, 'state' | 'operation'>, action: Action): boolean {
  if (action !== 'reveal' && isActive(cluster.operation)) return false;
  return allowed[cluster.state].includes(action);
}

export function isActive(operation: OperationSummary | null): operation is OperationSummary {
  return operation !== null && !finalStates.includes(operation.state);
}

export function stepsDone(operation: OperationSummary): number {
  return operation.plan.filter((step) => step.state === 'done').length;
}
