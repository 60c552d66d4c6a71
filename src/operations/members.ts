/** What several operations do with the members of a cluster: launch, assign, wait, say who is missing. */
import type { Assignment, InstanceIdentity } from '../domain/assignment.ts';
import { streams, takesWrites } from '../domain/feed.ts';
import type { InstanceStatus } from '../domain/status.ts';
import { messageOf, PlatformError } from '../lib/errors.ts';
import { feedToken } from '../lib/feed-token.ts';
import type { Certificate, ForwarderLaunch, InstanceLaunch } from '../runtimes/runtime.ts';
import { clusterById } from '../store/clusters.ts';
import { type ClusterBundle, loadBundle } from '../store/facts.ts';
import { assign, type InstanceRow, instancesOfCluster } from '../store/instances.ts';
import { getInstanceSecrets } from '../store/vault.ts';
import type { OperationContext } from './context.ts';
import type { StepResult, StepRun, UndoRun } from './operation.ts';

export async function bundleOf(run: UndoRun): Promise<ClusterBundle> {
  const { db } = run.context.store;
  const cluster = await clusterById(db, run.operation.cluster_id);
  if (cluster === undefined) throw new PlatformError('not_found', 'The cluster does not exist any more');
  return loadBundle(db, cluster);
}

export function identityOf(bundle: ClusterBundle, row: InstanceRow): InstanceIdentity {
  const { cluster, group } = bundle;
  if (group === undefined) throw new PlatformError('not_found', `${cluster.name} has no members`);
  return {
    clusterId: cluster.id,
    clusterName: cluster.name,
    groupId: group.id,
    instanceId: row.id,
    name: row.name,
    ordinal: row.ordinal,
    engine: cluster.engine,
    version: cluster.version,
    size: cluster.size,
    zone: row.zone,
    host: row.host,
    port: row.port,
    agentPort: row.agent_port,
    markerUuid: group.marker_uuid,
    systemId: group.system_id,
  };
}

/** Server and agent share it: reached at the host's address, and by applications at the endpoint's. */
export function certificateFor(context: OperationContext, row: InstanceRow): Promise<Certificate> {
  const addresses = [...new Set([row.host, context.settings.endpointHost])];
  return context.issue(row.id, addresses);
}

export async function launchOf(
  context: OperationContext,
  bundle: ClusterBundle,
  row: InstanceRow,
  certificate: Promise<Certificate>,
): Promise<InstanceLaunch> {
  const { store, vault } = context;
  const secrets = await getInstanceSecrets(store.db, vault, bundle.cluster.id);
  if (secrets === undefined || row.assignment === null) {
    throw new PlatformError('not_found', `${row.name} has no assignment or no secrets`);
  }
  return {
    identity: identityOf(bundle, row),
    secrets,
    assignment: row.assignment,
    certificate: await certificate,
  };
}

/** Starts every member's agent, in parallel; complete launches, so that no further call is needed. */
export async function ensureAgents(run: StepRun | UndoRun, bundle: ClusterBundle): Promise<void> {
  const { context } = run;
  const starts = await Promise.allSettled(
    bundle.instances.map(async (row) => {
      const certificate = run.once(`certificate ${row.id}`, () => certificateFor(context, row));
      await context.runtime.ensureAgent(await launchOf(context, bundle, row, certificate));
    }),
  );
  // All have ended before a failure counts, so that no agent starts behind the back of an undo.
  for (const start of starts) if (start.status === 'rejected') throw start.reason;
}

/** In steps that only wait: what was started this long ago and is silent may have been killed. */
const patienceMs = 2_000;

/** Starts again what has died since; the reconciler leaves clusters alone that are not active. */
export async function keepAgents(run: StepRun, bundle: ClusterBundle): Promise<void> {
  if (run.elapsedMs < patienceMs) return;
  const dead: InstanceRow[] = [];
  for (const row of bundle.instances) {
    if (statusOf(run, row) === undefined && !(await run.context.runtime.agentRunning(row.id))) dead.push(row);
  }
  if (dead.length > 0) await ensureAgents(run, { ...bundle, instances: dead });
}

export async function keepForwarder(run: StepRun, bundle: ClusterBundle): Promise<void> {
  const { runtime } = run.context;
  if (run.elapsedMs < patienceMs || (await runtime.forwarderRunning(bundle.cluster.id))) return;
  await runtime.ensureForwarder(forwarderLaunch(run.context, bundle), idsOf(bundle));
}

export const idsOf = (bundle: ClusterBundle): string[] => bundle.instances.map((row) => row.id);

export function forwarderLaunch(context: OperationContext, bundle: ClusterBundle): ForwarderLaunch {
  const { cluster, endpoints } = bundle;
  return {
    clusterId: cluster.id,
    clusterName: cluster.name,
    endpoints: endpoints.map(({ purpose, host, port }) => ({ purpose, host, port })),
    feedUrl: `${context.settings.feedBaseUrl}/api/v1/clusters/${cluster.id}/topology`,
    feedToken: feedToken(context.platformKey, cluster.id),
  };
}

/** Once per life of the runner: started beside the servers, waited for when the endpoints open. */
export function ensureForwarder(run: StepRun | UndoRun, bundle: ClusterBundle): Promise<void> {
  return run.once('forwarder', async () => {
    await run.context.runtime.ensureForwarder(forwarderLaunch(run.context, bundle), idsOf(bundle));
  });
}

export async function stopInstances(run: UndoRun): Promise<void> {
  const rows = await instancesOfCluster(run.context.store.db, run.operation.cluster_id);
  await Promise.all(rows.map((row) => run.context.runtime.stopInstance(row.id, 'now')));
}

/**
 * Replaces the assignments that `change` wants different (it returns undefined where all is as it
 * should be), one generation up, by compare-and-set. Returns the rows as they are afterwards.
 */
export async function reassign(
  run: StepRun | UndoRun,
  change: (assignment: Assignment) => Partial<Assignment> | undefined,
): Promise<InstanceRow[]> {
  return run.transaction(async (tx) => {
    for (const row of await instancesOfCluster(tx, run.operation.cluster_id)) {
      if (row.assignment === null) continue;
      const changed = change(row.assignment);
      if (changed === undefined) continue;
      const next = { ...row.assignment, ...changed, generation: row.generation + 1 };
      if (!(await assign(tx, next))) {
        throw new PlatformError('conflict', `The assignment of ${row.name} was changed by somebody else`);
      }
    }
    return instancesOfCluster(tx, run.operation.cluster_id);
  });
}

/** Hands assignments to the agents that are behind; whoever does not answer is asked again. */
export async function deliver(run: StepRun | UndoRun, rows: InstanceRow[]): Promise<void> {
  const { statuses, agentClient, clock } = run.context;
  await Promise.all(
    rows.map(async (row) => {
      const { assignment } = row;
      if (assignment === null) return;
      // Who has not reported either has it from its launch, or will show that it is behind.
      const status = statuses.fresh(row.id);
      if (status === undefined || status.generation >= assignment.generation) return;
      // At most one call a second for each generation, however often the step looks.
      const slot = Math.floor(clock.nowMs() / 1000);
      await run
        .once(`deliver ${row.id} ${assignment.generation} ${slot}`, () =>
          agentClient.assign({ instanceId: row.id, host: row.host, port: row.agent_port }, assignment, {
            timeoutMs: 2_000,
            signal: run.signal,
          }),
        )
        .catch((error) =>
          run.log.debug({ error: messageOf(error) }, `${row.name} did not take its assignment`),
        );
    }),
  );
}

export type Missing = { row: InstanceRow; status: InstanceStatus | undefined };

export function statusOf(run: StepRun, row: InstanceRow): InstanceStatus | undefined {
  return run.context.statuses.fresh(row.id);
}

/** Waits for these members, naming each and why; fails at once when an agent has given up on one. */
export function waitForMembers(run: StepRun, what: string, missing: Missing[], againMs?: number): StepResult {
  const hopeless = missing.find(({ status }) => status?.phase === 'failed');
  if (hopeless !== undefined) {
    const message = `${hopeless.row.name} cannot go on: ${hopeless.status?.why}`;
    return { kind: 'fail', error: new PlatformError('refused', message) };
  }
  const who = missing.map(({ row, status }) => `${row.name} (${whyMissing(status)})`).join(', ');
  return run.wait(`${what}: ${who}`, againMs);
}

function whyMissing(status: InstanceStatus | undefined): string {
  if (status === undefined) return 'its agent has not reported';
  const error = status.database?.receiver?.error;
  return error ? `${status.phase}: ${error}` : `${status.phase}: ${status.why}`;
}

/** Those of the standbys that do not follow the leader yet. */
export function notFollowing(run: StepRun, bundle: ClusterBundle): Missing[] {
  return bundle.instances
    .filter((row) => row.id !== bundle.group?.rule.leader)
    .map((row) => ({ row, status: statusOf(run, row) }))
    .filter(({ status }) => !streams(status));
}

/** The leader while its term is not acknowledged by the quorum. */
export function notWritable(run: StepRun, bundle: ClusterBundle): Missing[] {
  return bundle.instances
    .filter((row) => row.id === bundle.group?.rule.leader)
    .map((row) => ({ row, status: statusOf(run, row) }))
    .filter(({ row, status }) => !takesWrites(status) || (status?.generation ?? 0) < row.generation);
}

/** Standbys that do not serve reads yet. */
export function notOpen(run: StepRun, bundle: ClusterBundle): Missing[] {
  return bundle.instances
    .map((row) => ({ row, status: statusOf(run, row) }))
    .filter(({ status }) => status?.phase !== 'open' || !status.database?.open);
}
