/**
 * Create: place, volumes, agents, replication, rule, endpoints, ready.
 *
 * Everything that can go on at once does: the members' volumes, certificates and agents, and the
 * forwarder beside the servers' start. Agents get complete launches, so that after `agents` the members
 * find each other without another call, and the later steps only watch.
 */

import { randomBytes } from 'node:crypto';
import type { Assignment, Member } from '../domain/assignment.ts';
import type { Host } from '../domain/hosts.ts';
import { instanceName } from '../domain/names.ts';
import { place, requirementsOf } from '../domain/placement.ts';
import { firstRule } from '../domain/rules.ts';
import { sizeOffers } from '../domain/sizes.ts';
import { PlatformError } from '../lib/errors.ts';
import { newId } from '../lib/ids.ts';
import { type ClusterRow, changeLifecycle, clusterById } from '../store/clusters.ts';
import { deleteEndpoints, insertEndpoints } from '../store/endpoints.ts';
import { deleteGroups, groupOfCluster, insertGroup } from '../store/groups.ts';
import {
  insertInstances,
  instancesOfCluster,
  lockPlacement,
  portsTaken,
  retireInstances,
  useOfHosts,
} from '../store/instances.ts';
import type { Tx } from '../store/store.ts';
import { deleteSecrets } from '../store/vault.ts';
import {
  bundleOf,
  certificateFor,
  ensureAgents,
  ensureForwarder,
  identityOf,
  stopInstances,
} from './members.ts';
import type { Operation, Step, StepRun } from './operation.ts';
import { endpointsStep, readyPointOfNoReturn, readyStep, replicationStep, ruleStep } from './serving.ts';

const placeStep: Step = {
  name: 'place',
  title: 'Choose hosts and ports',
  deadlineMs: 30_000,
  overdue: 'fail',
  async run(run) {
    const { runtime, store } = run.context;
    if ((await groupOfCluster(store.db, run.operation.cluster_id)) !== undefined) return run.next();
    const rooms = await runtime.capacity();
    await run.transaction(async (tx) => {
      await lockPlacement(tx);
      const cluster = await clusterById(tx, run.operation.cluster_id);
      if (cluster === undefined) throw new PlatformError('not_found', 'The cluster does not exist any more');
      if ((await groupOfCluster(tx, cluster.id)) !== undefined) return;
      const placed = place(cluster.topology, rooms, await useOfHosts(tx), requirementsOf(cluster.size));
      if (placed.kind === 'refused') throw new PlatformError('refused', placed.reason, { hint: placed.hint });
      await writeMembers(
        run,
        tx,
        cluster,
        placed.placements.map(({ host }) => host),
      );
    });
    return run.next();
  },
  async undo(run) {
    const { cluster_id: clusterId, plan } = run.operation;
    const left = plan.filter((step) => ['volumes', 'agents'].includes(step.name));
    if (left.some((step) => step.startedAt !== null && step.state !== 'undone')) {
      // Something of it is left on a host: the rows stay, so that delete with purge can find it.
      await run.transaction((tx) => changeLifecycle(tx, clusterId, { from: ['creating'], to: 'failed' }));
      return;
    }
    await run.transaction((tx) => forgetCluster(tx, clusterId));
    run.context.statuses.forget(clusterId);
  },
};

/** Frees name and ports; history stays. */
export async function forgetCluster(tx: Tx, clusterId: string): Promise<void> {
  await retireInstances(tx, clusterId);
  await deleteGroups(tx, clusterId);
  await deleteEndpoints(tx, clusterId);
  await deleteSecrets(tx, clusterId);
  await changeLifecycle(tx, clusterId, {
    from: ['creating', 'active', 'deleting', 'deleted', 'undeleting', 'purging', 'failed'],
    to: 'purged',
  });
}

async function writeMembers(run: StepRun, tx: Tx, cluster: ClusterRow, hosts: Host[]): Promise<void> {
  const { runtime, settings } = run.context;
  const offer = sizeOffers[cluster.size];
  const groupId = newId();
  const rows = await Promise.all(
    hosts.map(async (host, index) => {
      const [port, agentPort] = await runtime.freePorts(host.address, 2, await portsTaken(tx, host.address));
      return {
        id: newId(),
        group_id: groupId,
        cluster_id: cluster.id,
        name: instanceName(cluster.name, index + 1),
        ordinal: index + 1,
        host_id: host.id,
        zone: host.zone,
        region: host.region,
        host: host.address,
        port: some(port),
        agent_port: some(agentPort),
        memory_mb: offer.memoryMb,
        disk_gb: offer.diskGb,
      };
    }),
  );
  const members: Member[] = rows.map((row) => ({
    instanceId: row.id,
    name: row.name,
    host: row.host,
    port: row.port,
    zone: row.zone,
  }));
  const rule = firstRule(
    cluster.topology,
    rows.map((row) => row.id),
  );
  const assignmentOf = (instanceId: string): Assignment => ({
    instanceId,
    generation: 1,
    term: rule.term,
    role: instanceId === rule.leader ? 'leader' : 'standby',
    run: 'running',
    rule,
    members,
    ack: cluster.ack,
    restartCount: 0,
  });
  await insertGroup(tx, {
    id: groupId,
    cluster_id: cluster.id,
    term: rule.term,
    rule: JSON.stringify(rule),
    marker_uuid: newId(),
    system_id: newSystemId(run.context.clock.nowMs()),
  });
  await insertInstances(
    tx,
    rows.map((row) => ({ ...row, assignment: JSON.stringify(assignmentOf(row.id)), generation: 1 })),
  );
  const host = settings.endpointHost;
  const [readWrite, readOnly] = await runtime.freePorts(host, 2, await portsTaken(tx, host));
  await insertEndpoints(tx, [
    { id: newId(), cluster_id: cluster.id, purpose: 'readWrite', host, port: some(readWrite) },
    { id: newId(), cluster_id: cluster.id, purpose: 'readOnly', host, port: some(readOnly) },
  ]);
}

/** As initdb makes them: seconds in the upper half, chance in the lower. */
function newSystemId(nowMs: number): string {
  return ((BigInt(Math.floor(nowMs / 1000)) << 32n) | BigInt(randomBytes(4).readUInt32BE())).toString();
}

function some<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the runtime gave fewer ports than asked for');
  return value;
}

const volumesStep: Step = {
  name: 'volumes',
  title: 'Make the volumes',
  deadlineMs: 15 * 60_000,
  overdue: 'fail',
  async run(run) {
    const { context } = run;
    const bundle = await bundleOf(run);
    for (const row of bundle.instances) {
      // Issued beside the copying; `agents` picks them up, or the failure.
      run.once(`certificate ${row.id}`, () => certificateFor(context, row)).catch(() => {});
    }
    const { engine, version } = bundle.cluster;
    try {
      await context.runtime.ensureEngine(engine, version, run.progress);
    } catch (error) {
      // A pack that cannot be fetched was tried often enough; who waits must hear how to supply it.
      if (!(error instanceof PlatformError)) throw error;
      return { kind: 'fail', error };
    }
    const copies = await Promise.allSettled(
      bundle.instances.map((row) => context.runtime.ensureVolume(identityOf(bundle, row))),
    );
    // All have ended before a failure counts, so that undo does not race with a copy.
    for (const copy of copies) if (copy.status === 'rejected') throw copy.reason;
    return run.next();
  },
  async undo(run) {
    const rows = await instancesOfCluster(run.context.store.db, run.operation.cluster_id);
    await Promise.all(rows.map((row) => run.context.runtime.removeInstance(row.id)));
  },
};

const agentsStep: Step = {
  name: 'agents',
  title: 'Start the servers',
  deadlineMs: 120_000,
  overdue: 'fail',
  async run(run) {
    const bundle = await bundleOf(run);
    const agents = ensureAgents(run, bundle);
    // Its failure is found, and tried again, in the step that needs it.
    ensureForwarder(run, bundle).catch(() => {});
    await agents;
    return run.next();
  },
  async undo(run) {
    await run.once('forwarder', async () => {}).catch(() => {});
    await Promise.all([run.context.runtime.stopForwarder(run.operation.cluster_id), stopInstances(run)]);
  },
};

export const create: Operation = {
  kind: 'create',
  deadlineMs: 30 * 60_000,
  onFailure: 'undo',
  steps: () => [
    placeStep,
    volumesStep,
    agentsStep,
    replicationStep,
    ruleStep,
    endpointsStep,
    readyStep('creating'),
  ],
  pointOfNoReturn: readyPointOfNoReturn,
};
