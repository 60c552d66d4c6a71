/**
 * Health in sentences: one for the cluster, then one per member that is not as it should be. API,
 * console and CLI all show the result of this function, so that they can never disagree.
 */
import { streams, takesWrites } from './feed.ts';
import type { ClusterState, Health, Lifecycle, MemberView } from './health.ts';
import type { OperationKind, PlanStep } from './operations.ts';
import type { InstanceStatus } from './status.ts';
import { type Topology, topologyOffers } from './topologies.ts';

export type ClusterFacts = { name: string; lifecycle: Lifecycle | 'purged'; topology: Topology };

export type OperationFacts = {
  kind: OperationKind;
  plan: PlanStep[];
  waitingFor: string | null;
  error: { message: string } | null;
};

/** Lag below this is the normal pace of replication and is not worth a sentence. */
const worthSayingLagMs = 5_000;

export function explainHealth(
  cluster: ClusterFacts,
  members: readonly MemberView[],
  operation: OperationFacts | null,
  nowMs: number,
): Health {
  const progress = operation === null ? [] : [explainOperation(operation)];
  switch (cluster.lifecycle) {
    case 'creating':
      return { state: 'creating', explain: [`${cluster.name} is being created`, ...progress] };
    case 'undeleting':
      return { state: 'creating', explain: [`${cluster.name} is being brought back`, ...progress] };
    case 'deleting':
    case 'purging':
      return { state: 'deleting', explain: [`${cluster.name} is being deleted`, ...progress] };
    case 'deleted':
      return {
        state: 'deleted',
        explain: [
          `${cluster.name} is deleted; its volumes are kept and undelete brings it back`,
          ...progress,
        ],
      };
    case 'purged':
      return { state: 'deleted', explain: [`${cluster.name} is purged; nothing of it is left`] };
    case 'failed':
      return {
        state: 'failed',
        explain: [
          `${cluster.name} failed and was not cleaned up completely; delete it with purge`,
          ...progress,
        ],
      };
    case 'active':
      return explainActive(cluster, members, progress, nowMs);
  }
}

function explainActive(
  cluster: ClusterFacts,
  members: readonly MemberView[],
  progress: string[],
  nowMs: number,
): Health {
  const { k, standbys } = topologyOffers[cluster.topology];
  const primary = members.find((member) => member.role === 'primary');
  const following = members.filter((member) => member.role === 'standby' && streams(member.status));
  const problems = members
    .map((member) => explainMember(member, members, k, nowMs))
    .filter((sentence) => sentence !== undefined);

  const verdict = (): [ClusterState, string] => {
    if (primary === undefined) return ['unavailable', `${cluster.name} has no primary`];
    if (primary.status === undefined) {
      return ['degraded', `${cluster.name}: it is not known whether ${primary.name} takes writes`];
    }
    if (isFullAndOpen(primary.status)) {
      return ['unavailable', `${cluster.name} does not take writes now; reads go on`];
    }
    if (!takesWrites(primary.status)) {
      return ['unavailable', `${cluster.name} does not take writes now; ${primary.name} is not open`];
    }
    if (following.length < k) {
      const waits = primary.status.quorumProbe?.waitingMs ?? 0;
      return [
        'unavailable',
        `${cluster.name}: commits wait${waits > 0 ? ` (for ${seconds(waits)} now)` : ''}, because ` +
          `${k} of ${standbys} standbys must acknowledge and ${following.length} follow`,
      ];
    }
    if (following.length < standbys) {
      return [
        'degraded',
        `${cluster.name} takes writes; ${following.length} of ${standbys} standbys follow, ${k} must acknowledge`,
      ];
    }
    if (problems.length > 0) return ['degraded', `${cluster.name} takes writes, but not all is well`];
    return [
      'ready',
      standbys === 0
        ? `${cluster.name} takes reads and writes; one instance, no standby`
        : `${cluster.name} takes reads and writes; ` +
          `${standbys === 1 ? 'its standby follows' : `all ${standbys} standbys follow`}, ` +
          `a commit waits for ${standbys === 1 ? 'it' : k === 1 ? 'one of them' : `${k} of them`}`,
    ];
  };
  const [state, sentence] = verdict();
  return { state, explain: [sentence, ...problems, ...progress] };
}

/** Undefined when the member is as it should be. */
export function explainMember(
  member: MemberView,
  all: readonly MemberView[],
  k: number,
  nowMs: number,
): string | undefined {
  const { name, status } = member;
  if (status === undefined) {
    return `${name}: its agent does not report; the server itself may be running`;
  }
  switch (status.phase) {
    case 'preparing':
    case 'stopping':
    case 'stopped':
      return `${name} is ${status.phase}: ${status.why}`;
    case 'starting':
      return `${name}: the server is starting${afterExit(status)}: ${status.why}`;
    case 'crashed':
      return `${name}: the server is down${exitOf(status)}; ${nextStart(status, nowMs)}`;
    case 'failed':
      return `${name} failed and needs a person: ${status.why}`;
    case 'gated':
    case 'proving':
      return explainGated(member, status, all, k);
    case 'open':
      return explainOpen(member, status);
  }
}

function explainGated(member: MemberView, status: InstanceStatus, all: readonly MemberView[], k: number) {
  if (member.role === 'standby') {
    return `${member.name} runs but lets no clients in yet: ${status.why}`;
  }
  if (status.phase === 'proving' && k > 0) {
    const missing = all.filter((other) => other.role === 'standby' && !streams(other.status));
    const who =
      missing.length > 0 ? ` (not following: ${missing.map((other) => other.name).join(', ')})` : '';
    const n = k === 1 ? 'one standby' : `${k} standbys`;
    return `${member.name} waits for ${n} to acknowledge its term before it opens${who}`;
  }
  return `${member.name} runs but lets no clients in yet: ${status.why}`;
}

function explainOpen(member: MemberView, status: InstanceStatus): string | undefined {
  const { name, role } = member;
  const database = status.database;
  if (database === null) return `${name}: the database does not answer its agent`;
  if (status.volume.full) {
    return `${name}: ${fullness(status.volume)}`;
  }
  if (role === 'standby') {
    const receiver = database.receiver;
    if (receiver === null || receiver.state === 'stopped') {
      return `${name} does not receive from the primary${because(receiver?.error)}`;
    }
    if (receiver.state === 'connecting') {
      return `${name} is connecting to ${receiver.source ?? 'the primary'}${because(receiver.error)}`;
    }
    if (database.lagMs !== null && database.lagMs >= worthSayingLagMs) {
      return `${name} is ${seconds(database.lagMs)} behind`;
    }
    return undefined;
  }
  if (!database.writable) return `${name} refuses writes: ${status.why}`;
  const waits = status.quorumProbe?.waitingMs ?? 0;
  if (waits >= 1_000) return `${name} has waited ${seconds(waits)} for an acknowledgement`;
  return undefined;
}

function isFullAndOpen(status: InstanceStatus): boolean {
  return status.phase === 'open' && status.volume.full && status.database?.open === true;
}

/** Which of the two limits is met decides what helps. */
function fullness({ usedBytes, sizeBytes, freeBytes }: InstanceStatus['volume']): string {
  return usedBytes >= sizeBytes * 0.95
    ? `its volume is full (${gib(usedBytes)} of ${gib(sizeBytes)} GiB), writes are refused until data is removed`
    : `the disk under its volume is full (${Math.floor(freeBytes / 1024 ** 2)} MiB are free), ` +
        'writes are refused until space is freed on the host';
}

function explainOperation(operation: OperationFacts): string {
  const at = operation.plan.find((step) => step.state === 'running');
  const where = at === undefined ? '' : `, at "${at.title}"`;
  const waits = operation.waitingFor === null ? '' : `; ${operation.waitingFor}`;
  const failed = operation.error === null ? '' : `; it failed: ${operation.error.message}`;
  return `Operation ${operation.kind} is under way${where}${waits}${failed}`;
}

/** How the server's last exit reads: " (killed by SIGKILL)". */
export function exitOf(status: InstanceStatus): string {
  const exit = status.server.lastExit;
  if (exit === null) return '';
  return exit.signal !== null ? ` (killed by ${exit.signal})` : ` (exit code ${exit.code ?? 'unknown'})`;
}

function afterExit(status: InstanceStatus): string {
  return status.server.unplannedRestarts > 0 ? ` again${exitOf(status)}` : '';
}

function nextStart(status: InstanceStatus, nowMs: number): string {
  const at = status.server.nextStartAt;
  if (at === null) return `it is not started again: ${status.why}`;
  const inMs = at - nowMs;
  return inMs <= 0 ? 'it is being started again now' : `it is started again in ${seconds(inMs)}`;
}

function because(error: string | null | undefined): string {
  return error ? `: ${error}` : '';
}

function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}

function gib(bytes: number): string {
  return (bytes / 1024 ** 3).toFixed(1);
}

/** Seconds from the request until the cluster was ready; null before. */
export function secondsToReady(createdAt: Date, readyAt: Date | null): number | null {
  return readyAt === null ? null : (readyAt.getTime() - createdAt.getTime()) / 1000;
}
