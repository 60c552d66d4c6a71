/**
 * Everything that is known about some clusters in six queries, whatever their number: what a list, a
 * page, the topology feed and the health sentences are computed from.
 */
import { type FeedInput, type TopologyFeed, topologyFeed } from '../domain/feed.ts';
import type { MemberView } from '../domain/health.ts';
import type { InstanceStatus } from '../domain/status.ts';
import { type ClusterRow, clusterById } from './clusters.ts';
import { type EndpointRow, endpointsOfClusters } from './endpoints.ts';
import { type GroupRow, groupsOfClusters } from './groups.ts';
import { type InstanceRow, instancesOfClusters } from './instances.ts';
import { type NamedOperation, openOperations } from './operations.ts';
import { type StatusRow, silentAfterMs, statusesOfClusters } from './statuses.ts';
import type { Db } from './store.ts';

export type ClusterBundle = {
  cluster: ClusterRow;
  /** Undefined before the cluster is placed and after it is purged. */
  group: GroupRow | undefined;
  instances: InstanceRow[];
  endpoints: EndpointRow[];
  /** By instance id, however old. */
  statuses: Map<string, StatusRow>;
  /** The operation that is under way. */
  operation: NamedOperation | undefined;
};

export async function loadBundles(db: Db, clusters: ClusterRow[]): Promise<ClusterBundle[]> {
  const ids = clusters.map((cluster) => cluster.id);
  const [groups, instances, endpoints, statuses, operations] = await Promise.all([
    groupsOfClusters(db, ids),
    instancesOfClusters(db, ids),
    endpointsOfClusters(db, ids),
    statusesOfClusters(db, ids),
    openOperations(db, ids),
  ]);
  return clusters.map((cluster) => {
    const mine = (row: { cluster_id: string }) => row.cluster_id === cluster.id;
    return {
      cluster,
      group: groups.find(mine),
      instances: instances.filter(mine),
      endpoints: endpoints.filter(mine),
      statuses: new Map(statuses.filter(mine).map((row) => [row.instance_id, row])),
      operation: operations.find(mine),
    };
  });
}

export async function loadBundle(db: Db, cluster: ClusterRow): Promise<ClusterBundle> {
  const [bundle] = await loadBundles(db, [cluster]);
  if (bundle === undefined) throw new Error('one cluster in, one bundle out');
  return bundle;
}

/** The members as `explainHealth` takes them: a status that is too old counts as none. */
export function memberViews(bundle: ClusterBundle, nowMs: number): MemberView[] {
  return bundle.instances.map((instance) => {
    const row = bundle.statuses.get(instance.id);
    const fresh = row !== undefined && nowMs - row.received_at.getTime() <= silentAfterMs;
    return {
      instanceId: instance.id,
      name: instance.name,
      role: bundle.group?.rule.leader === instance.id ? 'primary' : 'standby',
      zone: instance.zone,
      status: fresh ? row.status : undefined,
    };
  });
}

/** Undefined when there is no such cluster, or it is not placed (any more). */
export async function topologyFeedOf(db: Db, clusterId: string): Promise<TopologyFeed | undefined> {
  const cluster = await clusterById(db, clusterId);
  if (cluster === undefined) return undefined;
  return feedOf(await loadBundle(db, cluster));
}

export function feedOf(bundle: ClusterBundle): TopologyFeed | undefined {
  const { cluster, group, instances } = bundle;
  if (group === undefined) return undefined;
  const statuses = new Map<string, InstanceStatus>(
    [...bundle.statuses.values()].map((row) => [row.instance_id, row.status]),
  );
  const input: FeedInput = {
    clusterId: cluster.id,
    serving: ['creating', 'active', 'undeleting'].includes(cluster.lifecycle),
    version: group.version,
    rule: group.rule,
    members: instances.map((row) => ({
      instanceId: row.id,
      name: row.name,
      host: row.host,
      port: row.port,
      zone: row.zone,
    })),
    statuses,
  };
  return topologyFeed(input);
}
