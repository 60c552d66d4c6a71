/**
 * From rows of the store to what the API shows: pure, so that every page, command and test sees the
 * same cluster for the same facts.
 */
import { explainHealth, explainMember, secondsToReady } from '../domain/explain.ts';
import type { MemberView } from '../domain/health.ts';
import { applicationUser, databaseName } from '../domain/names.ts';
import type { InstanceStatus, Position } from '../domain/status.ts';
import { topologyOffers } from '../domain/topologies.ts';
import { type ClusterBundle, memberViews } from '../store/facts.ts';
import type { NamedOperation } from '../store/operations.ts';
import type * as s from './contract/schemas.ts';

export function clusterView(bundle: ClusterBundle, team: string, nowMs: number): s.Cluster {
  const { cluster, group } = bundle;
  const members = memberViews(bundle, nowMs);
  const operation = bundle.operation === undefined ? null : operationView(bundle.operation);
  const health = explainHealth(cluster, members, operation, nowMs);
  const leader = bundle.instances.find((instance) => instance.id === group?.rule.leader);
  return {
    id: cluster.id,
    name: cluster.name,
    team,
    engine: cluster.engine,
    version: cluster.version,
    topology: cluster.topology,
    size: cluster.size,
    ack: cluster.ack,
    state: health.state,
    explain: health.explain,
    endpoints: endpointsView(bundle),
    account: accountOf(cluster.name),
    instances: bundle.instances.map((instance, index) => {
      const member = members[index];
      return instanceView(instance, member, members, bundle, nowMs);
    }),
    rule:
      group === undefined || leader === undefined
        ? null
        : { term: group.term, leader: leader.name, k: group.rule.k },
    secondsToReady: secondsToReady(cluster.created_at, cluster.ready_at),
    createdAt: cluster.created_at.toISOString(),
    deletedAt: cluster.deleted_at?.toISOString() ?? null,
    purgeAfter: cluster.purge_after?.toISOString() ?? null,
    operation,
  };
}

/** User and database of a cluster's application account; the password is in the vault. */
export function accountOf(clusterName: string): { user: string; database: string } {
  return { user: applicationUser(clusterName), database: databaseName(clusterName) };
}

function instanceView(
  instance: ClusterBundle['instances'][number],
  member: MemberView | undefined,
  all: MemberView[],
  bundle: ClusterBundle,
  nowMs: number,
): s.Instance {
  const status = member?.status;
  const database = status?.database ?? null;
  const probe = status?.quorumProbe ?? null;
  const k = topologyOffers[bundle.cluster.topology].k;
  const stopped = bundle.cluster.lifecycle === 'deleted' && status === undefined;
  return {
    id: instance.id,
    name: instance.name,
    role: member?.role ?? 'standby',
    zone: instance.zone,
    hostId: instance.host_id,
    host: instance.host,
    port: instance.port,
    state: status?.phase ?? (stopped ? 'stopped' : 'unreachable'),
    why: stopped
      ? 'the cluster is deleted; the volume is kept'
      : member === undefined
        ? 'unknown'
        : (explainMember(member, all, k, nowMs) ?? status?.why ?? ''),
    writable: database?.writable ?? false,
    receiver: database?.receiver?.state ?? null,
    lagMs: database?.lagMs ?? null,
    position: database === null ? null : positionText(database.position),
    connections: database?.connections ?? null,
    residentBytes: status?.server.residentBytes ?? null,
    diskUsedBytes: status?.volume.usedBytes ?? null,
    diskSizeBytes: status?.volume.sizeBytes ?? null,
    unplannedRestarts: status?.server.unplannedRestarts ?? 0,
    lastExit: status === undefined ? null : exitText(status),
    pid: status?.server.pid ?? null,
    quorumProbe:
      probe === null
        ? null
        : {
            lastAckAt: probe.lastAckAt === null ? null : new Date(probe.lastAckAt).toISOString(),
            lastLatencyMs: probe.lastLatencyMs,
            waitingMs: probe.waitingMs,
          },
  };
}

function endpointsView(bundle: ClusterBundle): s.Cluster['endpoints'] {
  const find = (purpose: 'readWrite' | 'readOnly') => {
    const endpoint = bundle.endpoints.find((one) => one.purpose === purpose);
    if (endpoint === undefined) return undefined;
    const { host, port } = endpoint;
    return { host, port, url: connectionUrl(bundle.cluster.engine, bundle.cluster.name, host, port) };
  };
  const readWrite = find('readWrite');
  const readOnly = find('readOnly');
  return readWrite === undefined || readOnly === undefined ? null : { readWrite, readOnly };
}

/** Without the password, for people to copy: mysql://orders@127.0.0.1:21000/orders */
export function connectionUrl(
  engine: 'mysql' | 'postgres',
  clusterName: string,
  host: string,
  port: number,
): string {
  const { user, database } = accountOf(clusterName);
  const scheme = engine === 'mysql' ? 'mysql' : 'postgresql';
  return `${scheme}://${user}@${host.includes(':') ? `[${host}]` : host}:${port}/${database}`;
}

export function operationView(row: NamedOperation): s.OperationSummary {
  return {
    id: row.id,
    kind: row.kind,
    cluster: row.cluster,
    actor: row.actor,
    state: row.state,
    plan: row.plan,
    waitingFor: row.waiting_for,
    error: row.error,
    deadline: row.deadline.toISOString(),
    createdAt: row.created_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    finishedAt: row.finished_at?.toISOString() ?? null,
  };
}

function positionText(position: Position): string {
  return position.kind === 'gtid'
    ? position.executed.replaceAll('\n', '')
    : `${position.timeline}/${position.replayed}`;
}

function exitText(status: InstanceStatus): string | null {
  const exit = status.server.lastExit;
  if (exit === null) return null;
  return exit.signal ?? `exit code ${exit.code ?? 'unknown'}`;
}
