/**
 * Operations as rows. Lease, schedule and try count are columns: one UPDATE with SKIP LOCKED takes the
 * next row that is due, and every later write compares the lease, so that a runner that was thought
 * dead cannot write over its successor.
 */
import { type Insertable, type Selectable, sql, type Updateable } from 'kysely';
import { finalStates } from '../domain/operations.ts';
import { notification } from './changes.ts';
import type { Db } from './store.ts';
import type { Tables } from './tables.ts';

export type OperationRow = Selectable<Tables['operations']>;
/** With the cluster's name, which survives its purge. */
export type NamedOperation = OperationRow & { cluster: string };

const open = sql<boolean>`state not in ('done', 'failed', 'cancelled')`;

export async function insertOperation(db: Db, row: Insertable<Tables['operations']>, cluster: string) {
  await db
    .insertInto('operations')
    .values(row)
    .returning(notification({ kind: 'operation', id: row.id, cluster }).as('notified'))
    .execute();
}

function named(db: Db) {
  return db
    .selectFrom('operations')
    .innerJoin('clusters', 'clusters.id', 'operations.cluster_id')
    .selectAll('operations')
    .select('clusters.name as cluster');
}

export async function operationById(db: Db, id: string): Promise<NamedOperation | undefined> {
  return named(db).where('operations.id', '=', id).executeTakeFirst();
}

/** The operation that is under way on each of these clusters. */
export async function openOperations(db: Db, clusterIds: string[]): Promise<NamedOperation[]> {
  if (clusterIds.length === 0) return [];
  return named(db).where('operations.cluster_id', 'in', clusterIds).where(open).execute();
}

export type OperationFilter = {
  clusterId?: string;
  /** Undefined: of all teams. */
  teamIds?: string[];
  limit: number;
  /** Id of the oldest operation already seen; ids sort by time. */
  before?: string;
};

/** Newest first. */
export async function listOperations(db: Db, filter: OperationFilter): Promise<NamedOperation[]> {
  if (filter.teamIds?.length === 0) return [];
  let query = named(db);
  if (filter.clusterId !== undefined) query = query.where('operations.cluster_id', '=', filter.clusterId);
  if (filter.teamIds !== undefined) query = query.where('clusters.team_id', 'in', filter.teamIds);
  if (filter.before !== undefined) query = query.where('operations.id', '<', filter.before);
  return query.orderBy('operations.id', 'desc').limit(filter.limit).execute();
}

/** Takes the next operation that is due and that nobody holds. */
export async function takeOperation(
  db: Db,
  owner: string,
  leaseMs: number,
): Promise<NamedOperation | undefined> {
  const { rows } = await sql<{ id: string }>`
    update operations
    set lease_owner = ${owner}, lease_until = now() + ${leaseMs} * interval '1 ms', tries = tries + 1,
        started_at = coalesce(started_at, now()),
        state = case when state = 'pending' then 'running' else state end
    where id = (
      select id from operations
      where ${open} and run_after <= now() and (lease_until is null or lease_until < now())
      order by run_after limit 1
      for update skip locked)
    returning id`.execute(db);
  const taken = rows[0];
  return taken && operationById(db, taken.id);
}

/** Milliseconds until the next operation is due or its lease ends; undefined when nothing is open. */
export async function nextDueMs(db: Db): Promise<number | undefined> {
  const { rows } = await sql<{ ms: string | null }>`
    select extract(epoch from min(greatest(run_after, coalesce(lease_until, run_after))) - now()) * 1000 as ms
    from operations where ${open}`.execute(db);
  const ms = rows[0]?.ms;
  return ms === null || ms === undefined ? undefined : Math.max(0, Number(ms));
}

/** 'lost' when another runner holds the row now; then this runner must not write anything more. */
export type LeaseAnswer = 'lost' | { cancelRequested: boolean };

export async function renewLease(db: Db, id: string, owner: string, leaseMs: number): Promise<LeaseAnswer> {
  const row = await db
    .updateTable('operations')
    .set({ lease_until: sql`now() + ${leaseMs} * interval '1 ms'` })
    .where('id', '=', id)
    .where('lease_owner', '=', owner)
    .returning('cancel_requested')
    .executeTakeFirst();
  return row === undefined ? 'lost' : { cancelRequested: row.cancel_requested };
}

/** Writes progress and announces it, if the lease is still ours. */
export async function writeOperation(
  db: Db,
  operation: { id: string; cluster: string },
  owner: string,
  change: Updateable<Tables['operations']>,
): Promise<LeaseAnswer> {
  const row = await db
    .updateTable('operations')
    .set(change)
    .where('id', '=', operation.id)
    .where('lease_owner', '=', owner)
    .returning([
      'cancel_requested',
      notification({ kind: 'operation', id: operation.id, cluster: operation.cluster }).as('notified'),
    ])
    .executeTakeFirst();
  return row === undefined ? 'lost' : { cancelRequested: row.cancel_requested };
}

/** Inside a transaction: true when the lease is ours, and stays ours until the transaction ends. */
export async function holdLease(db: Db, id: string, owner: string): Promise<boolean> {
  const row = await db
    .selectFrom('operations')
    .select('id')
    .where('id', '=', id)
    .where('lease_owner', '=', owner)
    .forUpdate()
    .executeTakeFirst();
  return row !== undefined;
}

/** Gives up every lease: what a platform does at its start when it knows that no other runner lives. */
export async function releaseAllLeases(db: Db): Promise<void> {
  await db
    .updateTable('operations')
    .set({ lease_owner: null, lease_until: null, run_after: sql`now()` })
    .where(open)
    .execute();
}

export async function releaseLeasesOf(db: Db, owner: string): Promise<void> {
  await db
    .updateTable('operations')
    .set({ lease_owner: null, lease_until: null, run_after: sql`now()` })
    .where('lease_owner', '=', owner)
    .where(open)
    .execute();
}

/**
 * Asks for a cancel. `unless` names the steps that cannot be taken back: the answer is 'too late' when
 * the operation is in one of them, decided by the row itself, so that no step can slip in between.
 */
export async function requestCancel(
  db: Db,
  operation: { id: string; cluster: string },
  unless: readonly string[],
): Promise<'requested' | 'too late' | 'finished'> {
  const row = await db
    .updateTable('operations')
    .set({ cancel_requested: true, run_after: sql`now()` })
    .where('id', '=', operation.id)
    .where(open)
    .$if(unless.length > 0, (query) => query.where('step', 'not in', [...unless]))
    .returning(notification({ kind: 'operation', id: operation.id, cluster: operation.cluster }).as('n'))
    .executeTakeFirst();
  if (row !== undefined) return 'requested';
  const now = await operationById(db, operation.id);
  return now !== undefined && finalStates.includes(now.state) ? 'finished' : 'too late';
}
