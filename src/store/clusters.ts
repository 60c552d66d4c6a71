/** Clusters: intent and lifecycle. A purged cluster keeps its row (history) and gives its name back. */
import { type Insertable, type Selectable, sql } from 'kysely';
import { type Quota, sumUse, useOf } from '../domain/quota.ts';
import type { Db } from './store.ts';
import type { Tables } from './tables.ts';

export type ClusterRow = Selectable<Tables['clusters']>;
export type StoredLifecycle = ClusterRow['lifecycle'];

export async function insertCluster(db: Db, row: Insertable<Tables['clusters']>): Promise<ClusterRow> {
  return db.insertInto('clusters').values(row).returningAll().executeTakeFirstOrThrow();
}

export async function clusterById(db: Db, id: string): Promise<ClusterRow | undefined> {
  return db.selectFrom('clusters').selectAll().where('id', '=', id).executeTakeFirst();
}

/**
 * The row is locked until the transaction ends, so that its lifecycle cannot move meanwhile. Rows that
 * refer to it (events, statuses) can still be written by others.
 */
export async function lockCluster(db: Db, id: string): Promise<ClusterRow | undefined> {
  return db.selectFrom('clusters').selectAll().where('id', '=', id).forNoKeyUpdate().executeTakeFirst();
}

/** The cluster that holds this name now; purged ones do not. */
export async function clusterByName(db: Db, name: string): Promise<ClusterRow | undefined> {
  return db
    .selectFrom('clusters')
    .selectAll()
    .where('name', '=', name)
    .where('lifecycle', '<>', 'purged')
    .executeTakeFirst();
}

export type ClusterFilter = {
  /** Undefined: of all teams. */
  teamIds?: string[];
  /** Deleted clusters whose volumes are kept as well. */
  deleted?: boolean;
};

export async function listClusters(db: Db, filter: ClusterFilter = {}): Promise<ClusterRow[]> {
  if (filter.teamIds?.length === 0) return [];
  let query = db.selectFrom('clusters').selectAll().where('lifecycle', '<>', 'purged');
  if (filter.teamIds !== undefined) query = query.where('team_id', 'in', filter.teamIds);
  if (!filter.deleted) query = query.where('lifecycle', '<>', 'deleted');
  return query.orderBy('name').execute();
}

export type LifecycleChange = {
  from: StoredLifecycle[];
  to: StoredLifecycle;
  readyAt?: Date | null;
  deletedAt?: Date | null;
  purgeAfter?: Date | null;
};

/** False when the cluster was in none of the `from` states; then nothing has changed. */
export async function changeLifecycle(db: Db, id: string, change: LifecycleChange): Promise<boolean> {
  const row = await db
    .updateTable('clusters')
    .set({
      lifecycle: change.to,
      ...(change.readyAt === undefined ? {} : { ready_at: change.readyAt }),
      ...(change.deletedAt === undefined ? {} : { deleted_at: change.deletedAt }),
      ...(change.purgeAfter === undefined ? {} : { purge_after: change.purgeAfter }),
    })
    .where('id', '=', id)
    .where('lifecycle', 'in', change.from)
    .returning([
      'id',
      sql`pg_notify('mooring_changes', json_build_object('kind', 'cluster', 'name', name)::text)`.as(
        'notified',
      ),
    ])
    .executeTakeFirst();
  return row !== undefined;
}

/** What the clusters of a team count against its quota. */
export async function useOfTeam(db: Db, teamId: string): Promise<Quota> {
  const rows = await db
    .selectFrom('clusters')
    .select(['topology', 'size', 'lifecycle'])
    .where('team_id', '=', teamId)
    .where('lifecycle', '<>', 'purged')
    .execute();
  return sumUse(rows.map(useOf));
}

/** Deleted clusters whose retention has passed and that nobody works on. */
export async function clustersDueForPurge(db: Db, now: Date): Promise<ClusterRow[]> {
  return db
    .selectFrom('clusters')
    .selectAll()
    .where('lifecycle', '=', 'deleted')
    .where('purge_after', '<=', now)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('operations')
            .select('operations.id')
            .whereRef('operations.cluster_id', '=', 'clusters.id')
            .where('operations.state', 'not in', ['done', 'failed', 'cancelled']),
        ),
      ),
    )
    .execute();
}
