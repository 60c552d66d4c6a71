/** Endpoints: the stable addresses that applications connect to. */
import type { Insertable, Selectable } from 'kysely';
import type { Db } from './store.ts';
import type { Tables } from './tables.ts';

export type EndpointRow = Selectable<Tables['endpoints']>;

export async function insertEndpoints(db: Db, rows: Insertable<Tables['endpoints']>[]): Promise<void> {
  await db.insertInto('endpoints').values(rows).execute();
}

export async function endpointsOfCluster(db: Db, clusterId: string): Promise<EndpointRow[]> {
  return endpointsOfClusters(db, [clusterId]);
}

export async function endpointsOfClusters(db: Db, clusterIds: string[]): Promise<EndpointRow[]> {
  if (clusterIds.length === 0) return [];
  return db
    .selectFrom('endpoints')
    .selectAll()
    .where('cluster_id', 'in', clusterIds)
    .orderBy('purpose', 'desc')
    .execute();
}

export async function deleteEndpoints(db: Db, clusterId: string): Promise<void> {
  await db.deleteFrom('endpoints').where('cluster_id', '=', clusterId).execute();
}
