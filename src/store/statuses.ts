/**
 * The newest observation per instance. The controller writes a row when something meaningful changed,
 * and touches `received_at` of all that reported once a second, so that any API process can tell
 * silence from quiet.
 */
import { type Selectable, sql } from 'kysely';
import type { InstanceStatus } from '../domain/status.ts';
import { codeOf } from '../lib/errors.ts';
import type { Db, Store } from './store.ts';
import type { Tables } from './tables.ts';

export type StatusRow = Selectable<Tables['instance_status']>;

/** Older than this, an instance counts as silent. */
export const silentAfterMs = 3_000;

/** Announces the cluster. False when the instance has no row (it was purged): nothing is written. */
export async function putStatus(db: Db, status: InstanceStatus, receivedAt: Date): Promise<boolean> {
  try {
    await sql`
      insert into instance_status (instance_id, cluster_id, received_at, status)
      values (${status.instanceId}, ${status.clusterId}, ${receivedAt}, ${JSON.stringify(status)})
      on conflict (instance_id) do update
        set received_at = excluded.received_at, status = excluded.status
      returning pg_notify('mooring_changes', json_build_object('kind', 'cluster', 'name',
        (select name from clusters where id = ${status.clusterId}))::text)`.execute(db);
    return true;
  } catch (error) {
    if (codeOf(error) === '23503') return false;
    throw error;
  }
}

/** Once a second for all that reported; losing the last second in a crash costs nothing. */
export async function touchStatuses(store: Store, instanceIds: string[], at: Date): Promise<void> {
  if (instanceIds.length === 0) return;
  await store.transaction(async (tx) => {
    await sql`set local synchronous_commit = off`.execute(tx);
    await tx
      .updateTable('instance_status')
      .set({ received_at: at })
      .where('instance_id', 'in', instanceIds)
      .execute();
  });
}

export async function statusesOfClusters(db: Db, clusterIds: string[]): Promise<StatusRow[]> {
  if (clusterIds.length === 0) return [];
  return db.selectFrom('instance_status').selectAll().where('cluster_id', 'in', clusterIds).execute();
}

/**
 * At the start of a platform: whoever has no agent now has not been heard, however short ago it was.
 * What was observed last stays, because the next report is compared with it.
 */
export async function ageStatuses(db: Db, withAgents: readonly string[]): Promise<void> {
  await db
    .updateTable('instance_status')
    .set({ received_at: new Date(0) })
    .where((eb) => eb.not(eb('instance_id', '=', eb.fn.any(eb.val([...withAgents])))))
    .execute();
}

export async function allStatuses(db: Db): Promise<StatusRow[]> {
  return db.selectFrom('instance_status').selectAll().execute();
}
