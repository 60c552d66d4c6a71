/**
 * How a request becomes an operation: everything that can be refused is refused here, before anything
 * exists; what remains is written in one transaction, intent and operation together.
 *
 * Uniqueness is left to the store's indexes (one holder of a name, one open operation per cluster): of
 * two requests at the same moment exactly one wins, and the other is told who did.
 */
import type { AckDurability } from '../domain/assignment.ts';
import { type EngineKind, engineKinds, engineOffers } from '../domain/engines.ts';
import { streams, takesWrites } from '../domain/feed.ts';
import { applicationUser, clusterNameProblem, databaseName } from '../domain/names.ts';
import type { OperationKind } from '../domain/operations.ts';
import { type HostRoom, place, requirementsOf, topologyPossible } from '../domain/placement.ts';
import { type Quota, quotaProblem, useOf } from '../domain/quota.ts';
import { type Size, sizes } from '../domain/sizes.ts';
import { type Topology, topologies } from '../domain/topologies.ts';
import type { Clock } from '../lib/clock.ts';
import { PlatformError } from '../lib/errors.ts';
import { newId, newPassword } from '../lib/ids.ts';
import {
  type ClusterRow,
  changeLifecycle,
  clusterByName,
  insertCluster,
  lockCluster,
  type StoredLifecycle,
  useOfTeam,
} from '../store/clusters.ts';
import { insertEvent } from '../store/events.ts';
import { loadBundle, memberViews } from '../store/facts.ts';
import { useOfHosts } from '../store/instances.ts';
import {
  insertOperation,
  type NamedOperation,
  openOperations,
  operationById,
  requestCancel,
} from '../store/operations.ts';
import { type Db, type Store, type Tx, violatedConstraint } from '../store/store.ts';
import { putInstanceSecrets, type Vault } from '../store/vault.ts';
import { planOf } from './operation.ts';
import { operations } from './table.ts';

export type SubmitContext = {
  store: Store;
  vault: Vault;
  clock: Clock;
  /** The runtime's hosts and what is free on them. */
  capacity: () => Promise<HostRoom[]>;
};

export type Team = { id: string; name: string };
export type Submitted = { cluster: ClusterRow; operation: NamedOperation };

export type CreateInput = {
  engine: string;
  name: string;
  version?: string;
  topology?: string;
  size?: string;
  ack?: AckDurability;
};

type ValidCreate = {
  name: string;
  engine: EngineKind;
  version: string;
  topology: Topology;
  size: Size;
  ack: AckDurability;
};

export async function submitCreate(
  context: SubmitContext,
  request: { actor: string; team: Team; input: CreateInput },
): Promise<Submitted> {
  const wanted = validateCreate(request.input);
  const { store, vault, clock } = context;
  const taken = await clusterByName(store.db, wanted.name);
  if (taken !== undefined) throw nameTaken(taken);
  await requireRoom(context, store.db, wanted);

  const id = newId(clock.nowMs());
  try {
    const operationId = await store.transaction(async (tx) => {
      await requireQuota(tx, request.team.id, { ...wanted, lifecycle: 'creating' });
      await insertCluster(tx, {
        id,
        team_id: request.team.id,
        ...wanted,
        lifecycle: 'creating',
        created_by: request.actor,
        created_at: new Date(clock.nowMs()),
      });
      await putInstanceSecrets(tx, vault, id, {
        adminPassword: newPassword(),
        replicationPassword: newPassword(),
        application: {
          user: applicationUser(wanted.name),
          password: newPassword(),
          database: databaseName(wanted.name),
        },
      });
      await insertEvent(tx, {
        clusterId: id,
        severity: 'info',
        kind: 'cluster-requested',
        message: `${request.actor} asked for ${wanted.name}: ${engineOffers[wanted.engine].label} ${wanted.version}, ${wanted.topology}, ${wanted.size}`,
      });
      return writeOperation(context, tx, 'create', { id, name: wanted.name }, request.actor, {});
    });
    return await submitted(store.db, operationId);
  } catch (error) {
    if (violatedConstraint(error) !== 'clusters_name') throw error;
    const holder = await clusterByName(store.db, wanted.name);
    throw holder === undefined ? error : nameTaken(holder);
  }
}

/** Throws `invalid` with one entry per field that is wrong, so that a form can show all of them. */
export function validateCreate(input: CreateInput): ValidCreate {
  const fields: { path: string; message: string }[] = [];
  const nameProblem = clusterNameProblem(input.name);
  if (nameProblem !== undefined) fields.push({ path: 'name', message: nameProblem });

  const engine = oneOf('engine', input.engine, engineKinds, fields);
  const topology = oneOf('topology', input.topology ?? '1+2', topologies, fields);
  const size = oneOf('size', input.size ?? 'small', sizes, fields);
  let version = input.version;
  if (engine !== undefined) {
    const offer = engineOffers[engine];
    version ??= offer.defaultVersion;
    const versions = offer.versions.map((each) => each.version);
    if (!versions.some((each) => each === version)) {
      const message = `${offer.label} is offered in ${versions.join(', ')}, not in "${version}"`;
      fields.push({ path: 'version', message });
    }
  }
  if (
    fields.length > 0 ||
    engine === undefined ||
    topology === undefined ||
    size === undefined ||
    version === undefined
  ) {
    throw new PlatformError('invalid', fields.map((field) => field.message).join('; '), {
      fields,
      hint: 'See what is on offer with: moor engines',
    });
  }
  return { name: input.name, engine, version, topology, size, ack: input.ack ?? 'memory' };
}

function oneOf<T extends string>(
  path: string,
  value: string,
  offered: readonly T[],
  fields: { path: string; message: string }[],
): T | undefined {
  const found = offered.find((each) => each === value);
  if (found === undefined) {
    fields.push({ path, message: `There is no ${path} "${value}"; choose one of ${offered.join(', ')}` });
  }
  return found;
}

function nameTaken(holder: ClusterRow): PlatformError {
  const deleted = holder.lifecycle === 'deleted';
  return new PlatformError(
    'conflict',
    deleted
      ? `"${holder.name}" is a deleted cluster whose volumes are still kept`
      : `There is already a cluster called "${holder.name}"`,
    {
      fields: [{ path: 'name', message: 'This name is taken' }],
      hint: deleted
        ? `Bring it back with: moor undelete ${holder.name}, or free the name with: moor delete ${holder.name} --purge`
        : 'Choose another name',
    },
  );
}

/** Topology, memory and disk; the operation's placement checks again what may change until then. */
async function requireRoom(
  context: SubmitContext,
  db: Db,
  wanted: { topology: Topology; size: Size },
): Promise<void> {
  const rooms = await context.capacity();
  const hosts = rooms.map((room) => room.host);
  const possible = topologyPossible(wanted.topology, hosts);
  if (!possible.possible) {
    throw new PlatformError('refused', possible.reason, {
      fields: [{ path: 'topology', message: possible.reason }],
      hint: 'Choose another topology, or start the platform with more zones',
    });
  }
  const placed = place(wanted.topology, rooms, await useOfHosts(db), requirementsOf(wanted.size));
  if (placed.kind === 'refused') {
    throw new PlatformError('refused', placed.reason, {
      fields: [{ path: 'size', message: placed.reason }],
      hint: placed.hint,
    });
  }
}

/** The team's row is locked, so that two creates at once cannot both take the last place. */
async function requireQuota(
  tx: Tx,
  teamId: string,
  wanted: { topology: Topology; size: Size; lifecycle: string },
  already?: Quota,
): Promise<void> {
  const row = await tx
    .selectFrom('teams')
    .selectAll()
    .where('id', '=', teamId)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw new PlatformError('not_found', 'The team does not exist any more');
  const quota: Quota = {
    clusters: row.quota_clusters,
    instances: row.quota_instances,
    memoryMb: row.quota_memory_mb,
    diskGb: row.quota_disk_gb,
  };
  const more = { ...useOf(wanted) };
  if (already !== undefined) more.diskGb -= already.diskGb;
  const problem = quotaProblem(row.name, quota, await useOfTeam(tx, teamId), more);
  if (problem === undefined) return;
  throw new PlatformError('refused', problem, {
    hint: 'Delete a cluster that is not needed, or ask an administrator for a larger quota',
  });
}

// Operations on a cluster that exists --------------------------------------------------------------

export type ClusterRequest = { actor: string; cluster: ClusterRow };

export async function submitRestart(
  context: SubmitContext,
  request: ClusterRequest & { instance?: string },
): Promise<Submitted> {
  return onCluster(context, request, 'restart', async (tx, cluster) => {
    requireLifecycle(cluster, ['active'], 'restarted');
    const bundle = await loadBundle(tx, cluster);
    const leader = bundle.group?.rule.leader;
    const chosen = bundle.instances.filter(
      (row) => request.instance === undefined || row.name === request.instance || row.id === request.instance,
    );
    if (chosen.length === 0) {
      const names = bundle.instances.map((row) => row.name).join(', ');
      throw new PlatformError('not_found', `${cluster.name} has no instance "${request.instance}"`, {
        hint: `Its instances are: ${names}`,
      });
    }
    if (request.instance === undefined) {
      const ill = memberViews(bundle, context.clock.nowMs()).filter(
        ({ role, status }) => !(role === 'primary' ? takesWrites(status) : streams(status)),
      );
      if (ill.length > 0) {
        const who = ill.map((member) => member.name).join(', ');
        throw new PlatformError('refused', `A rolling restart needs every member well; not well: ${who}`, {
          hint: `See why with: moor explain ${cluster.name}; one instance can be restarted by name`,
        });
      }
    }
    const ordered = [
      ...chosen.filter((row) => row.id !== leader),
      ...chosen.filter((row) => row.id === leader),
    ];
    return { instances: ordered.map(({ id, name }) => ({ id, name })) };
  });
}

/** `confirm` must be the cluster's name. Of a cluster that is deleted already, `purge` removes the rest. */
export async function submitDelete(
  context: SubmitContext,
  request: ClusterRequest & { confirm: string; purge: boolean },
): Promise<Submitted> {
  if (request.confirm !== request.cluster.name) {
    throw new PlatformError('invalid', `To delete ${request.cluster.name}, confirm with exactly its name`, {
      fields: [{ path: 'confirm', message: 'This is not the name of the cluster' }],
    });
  }
  if (request.purge && request.cluster.lifecycle === 'deleted') return submitPurge(context, request);
  return onCluster(context, request, 'delete', async (tx, cluster) => {
    if (cluster.lifecycle === 'deleted') {
      throw new PlatformError('conflict', `${cluster.name} is deleted already; its volumes are kept`, {
        hint: `Remove them too with: moor delete ${cluster.name} --purge`,
      });
    }
    // No operation is open, so what still says "creating" or "undeleting" was left behind by one.
    requireLifecycle(
      cluster,
      ['creating', 'active', 'failed', 'deleting', 'undeleting', 'purging'],
      'deleted',
    );
    if (cluster.lifecycle !== 'purging') {
      await changeLifecycle(tx, cluster.id, { from: [cluster.lifecycle], to: 'deleting' });
    }
    // A purge that has begun can only be finished; what never was ready holds nothing worth keeping.
    return { purge: request.purge || cluster.lifecycle === 'purging' || cluster.ready_at === null };
  });
}

export async function submitUndelete(context: SubmitContext, request: ClusterRequest): Promise<Submitted> {
  await requireRoom(context, context.store.db, request.cluster);
  return onCluster(context, request, 'undelete', async (tx, cluster) => {
    requireLifecycle(cluster, ['deleted', 'undeleting'], 'brought back');
    await requireQuota(tx, cluster.team_id, { ...cluster, lifecycle: 'active' }, useOf(cluster));
    await changeLifecycle(tx, cluster.id, { from: ['deleted'], to: 'undeleting' });
    return {};
  });
}

/** `onlyWhenDue`: unless it was brought back, or deleted anew, since the caller looked. */
export async function submitPurge(
  context: SubmitContext,
  request: ClusterRequest & { onlyWhenDue?: boolean },
): Promise<Submitted> {
  return onCluster(context, request, 'purge', async (_, cluster) => {
    requireLifecycle(cluster, ['deleted', 'failed', 'purging'], 'purged');
    const isDue = cluster.purge_after !== null && cluster.purge_after.getTime() <= context.clock.nowMs();
    if (request.onlyWhenDue && !isDue) {
      throw new PlatformError('conflict', `${cluster.name} is kept for longer`);
    }
    return {};
  });
}

export async function submitCancel(
  context: Pick<SubmitContext, 'store'>,
  operation: NamedOperation,
): Promise<NamedOperation> {
  const { db } = context.store;
  const last = operations[operation.kind].pointOfNoReturn;
  const answer = await requestCancel(db, operation, last?.steps ?? []);
  if (answer === 'finished') {
    throw new PlatformError('conflict', `This ${operation.kind} has ended already`);
  }
  if (answer === 'too late') {
    throw new PlatformError(
      'conflict',
      `It is too late to cancel this ${operation.kind}. ${last?.why ?? ''}`.trim(),
    );
  }
  return (await operationById(db, operation.id)) ?? operation;
}

/** One transaction: lock the cluster, let `prepare` check and change it, write the operation. */
async function onCluster(
  context: SubmitContext,
  request: ClusterRequest,
  kind: OperationKind,
  prepare: (tx: Tx, cluster: ClusterRow) => Promise<Record<string, unknown>>,
): Promise<Submitted> {
  const { store } = context;
  try {
    const id = await store.transaction(async (tx) => {
      const cluster = await lockCluster(tx, request.cluster.id);
      if (cluster === undefined) {
        throw new PlatformError('not_found', `There is no cluster "${request.cluster.name}"`);
      }
      const [busy] = await openOperations(tx, [cluster.id]);
      if (busy !== undefined) throw busyWith(busy);
      const input = await prepare(tx, cluster);
      return writeOperation(context, tx, kind, cluster, request.actor, input);
    });
    return await submitted(store.db, id);
  } catch (error) {
    if (violatedConstraint(error) !== 'operations_one_open') throw error;
    const [busy] = await openOperations(store.db, [request.cluster.id]);
    throw busy === undefined ? error : busyWith(busy);
  }
}

function busyWith(operation: NamedOperation): PlatformError {
  return new PlatformError(
    'conflict',
    `${operation.cluster} is busy: operation ${operation.kind} is ${operation.state}`,
    { hint: `Wait for it, or cancel it with: moor cancel ${operation.id}` },
  );
}

function requireLifecycle(cluster: ClusterRow, allowed: StoredLifecycle[], verb: string): void {
  if (allowed.includes(cluster.lifecycle)) return;
  throw new PlatformError('conflict', `${cluster.name} is ${cluster.lifecycle} and cannot be ${verb} now`);
}

async function writeOperation(
  context: SubmitContext,
  tx: Tx,
  kind: OperationKind,
  cluster: { id: string; name: string },
  actor: string,
  input: Record<string, unknown>,
): Promise<string> {
  const operation = operations[kind];
  const plan = planOf(operation, input);
  const first = plan[0];
  if (first === undefined) throw new Error(`${kind} has no steps`);
  const nowMs = context.clock.nowMs();
  const id = newId(nowMs);
  const row = {
    id,
    kind,
    cluster_id: cluster.id,
    actor,
    input: JSON.stringify(input),
    plan: JSON.stringify(plan),
    step: first.name,
    state: 'pending' as const,
    deadline: new Date(nowMs + operation.deadlineMs),
  };
  await insertOperation(tx, row, cluster.name);
  return id;
}

async function submitted(db: Db, operationId: string): Promise<Submitted> {
  const operation = await operationById(db, operationId);
  const cluster =
    operation &&
    (await db.selectFrom('clusters').selectAll().where('id', '=', operation.cluster_id).executeTakeFirst());
  if (operation === undefined || cluster === undefined) throw new Error('what was written is not there');
  return { cluster, operation };
}
