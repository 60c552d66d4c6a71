/** Instances: where each member lives and what it should be (its assignment). */
import { type Insertable, type Selectable, sql } from 'kysely';
import type { Assignment } from '../domain/assignment.ts';
import type { HostUse } from '../domain/placement.ts';
import type { Db } from './store.ts';
import type { Tables } from './tables.ts';

export type InstanceRow = Selectable<Tables['instances']>;

export async function insertInstances(db: Db, rows: Insertable<Tables['instances']>[]): Promise<void> {
  await db.insertInto('instances').values(rows).execute();
}

export async function instancesOfCluster(db: Db, clusterId: string): Promise<InstanceRow[]> {
  return db
    .selectFrom('instances')
    .selectAll()
    .where('cluster_id', '=', clusterId)
    .orderBy('ordinal')
    .execute();
}

export async function instancesOfClusters(db: Db, clusterIds: string[]): Promise<InstanceRow[]> {
  if (clusterIds.length === 0) return [];
  return db
    .selectFrom('instances')
    .selectAll()
    .where('cluster_id', 'in', clusterIds)
    .orderBy('cluster_id')
    .orderBy('ordinal')
    .execute();
}

/**
 * Replaces the assignment that the caller has read. False when somebody else was first. The new
 * generation must be the expected one plus one.
 */
export async function assign(db: Db, assignment: Assignment): Promise<boolean> {
  const result = await db
    .updateTable('instances')
    .set({ assignment: JSON.stringify(assignment), generation: assignment.generation })
    .where('id', '=', assignment.instanceId)
    .where('generation', '=', assignment.generation - 1)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Instances per host; deleted clusters hold no memory and do not count. */
export async function useOfHosts(db: Db): Promise<HostUse[]> {
  const rows = await db
    .selectFrom('instances')
    .innerJoin('clusters', 'clusters.id', 'instances.cluster_id')
    .select(['host_id as hostId', (eb) => eb.fn.countAll<string>().as('instances')])
    .where('clusters.lifecycle', 'not in', ['deleted', 'purged'])
    .groupBy('host_id')
    .execute();
  return rows.map((row) => ({ hostId: row.hostId, instances: Number(row.instances) }));
}

/** Every port that a row holds on this address, deleted clusters' among them. */
export async function portsTaken(db: Db, host: string): Promise<Set<number>> {
  const { rows } = await sql<{ port: number }>`
    select port from instances where host = ${host}
    union select agent_port from instances where host = ${host}
    union select port from endpoints where host = ${host}`.execute(db);
  return new Set(rows.map((row) => row.port));
}

const placementLock = 7_308_620_016;

/** One placement at a time, until the transaction ends: two never choose the same port. */
export async function lockPlacement(db: Db): Promise<void> {
  await sql`select pg_advisory_xact_lock(${placementLock})`.execute(db);
}

/** Remembers that these instances are gone for good, so that leftovers of them may be cleaned up. */
export async function retireInstances(db: Db, clusterId: string): Promise<void> {
  await sql`
    insert into retired_instances (id, cluster_id)
    select id, cluster_id from instances where cluster_id = ${clusterId}
    on conflict do nothing`.execute(db);
}

/** Which of these ids belong to instances, and which to retired ones. */
export async function sortInstanceIds(
  db: Db,
  ids: string[],
): Promise<{ known: Set<string>; retired: Set<string> }> {
  if (ids.length === 0) return { known: new Set(), retired: new Set() };
  const known = await db.selectFrom('instances').select('id').where('id', 'in', ids).execute();
  const retired = await db.selectFrom('retired_instances').select('id').where('id', 'in', ids).execute();
  return { known: new Set(known.map((row) => row.id)), retired: new Set(retired.map((row) => row.id)) };
}
