/** Groups: the durability rule in force. Changed only by compare-and-set on its version. */
import { type Insertable, type Selectable, sql } from 'kysely';
import type { Rule } from '../domain/rules.ts';
import type { Db } from './store.ts';
import type { Tables } from './tables.ts';

export type GroupRow = Selectable<Tables['groups']>;

export async function insertGroup(db: Db, row: Insertable<Tables['groups']>): Promise<void> {
  await db.insertInto('groups').values(row).execute();
}

/** A cluster has one group; undefined before it is placed and after it is purged. */
export async function groupOfCluster(db: Db, clusterId: string): Promise<GroupRow | undefined> {
  return db.selectFrom('groups').selectAll().where('cluster_id', '=', clusterId).executeTakeFirst();
}

export async function groupsOfClusters(db: Db, clusterIds: string[]): Promise<GroupRow[]> {
  if (clusterIds.length === 0) return [];
  return db.selectFrom('groups').selectAll().where('cluster_id', 'in', clusterIds).execute();
}

/**
 * Puts `rule` in the place of the version that the caller has read. False when somebody else was
 * first: read again and decide again. This uniqueness is what keeps a shrinking rule from splitting.
 */
export async function replaceRule(
  db: Db,
  groupId: string,
  expectedVersion: number,
  rule: Rule,
): Promise<boolean> {
  const result = await db
    .updateTable('groups')
    .set({ rule: JSON.stringify(rule), term: rule.term, version: sql`version + 1` })
    .where('id', '=', groupId)
    .where('version', '=', expectedVersion)
    .where('term', '<=', rule.term)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** With its instances and their statuses. */
export async function deleteGroups(db: Db, clusterId: string): Promise<void> {
  await db.deleteFrom('groups').where('cluster_id', '=', clusterId).execute();
}
