/** Teams: who belongs to them, what they may use and what they use. */
import type { Selectable } from 'kysely';
import { noUse, type Quota, sumUse, useOf } from '../domain/quota.ts';
import { codeOf, PlatformError } from '../lib/errors.ts';
import { newId } from '../lib/ids.ts';
import type { Db } from './store.ts';
import type { Tables } from './tables.ts';

export type TeamRole = 'owner' | 'member' | 'viewer';
export type TeamRow = Selectable<Tables['teams']>;
export type TeamMembership = { id: string; name: string; role: TeamRole };

export async function listTeams(db: Db): Promise<TeamRow[]> {
  return db.selectFrom('teams').selectAll().orderBy('name').execute();
}

export async function findTeam(db: Db, name: string): Promise<TeamRow | undefined> {
  return db.selectFrom('teams').selectAll().where('name', '=', name).executeTakeFirst();
}

export async function insertTeam(db: Db, name: string, quota: Quota): Promise<TeamRow> {
  try {
    return await db
      .insertInto('teams')
      .values({ id: newId(), name, ...quotaColumns(quota) })
      .returningAll()
      .executeTakeFirstOrThrow();
  } catch (cause) {
    if (codeOf(cause) !== '23505') throw cause;
    throw new PlatformError('conflict', `There is already a team called "${name}"`, {
      hint: 'Choose another name',
      fields: [{ path: 'name', message: 'taken' }],
      cause,
    });
  }
}

export async function setQuota(db: Db, teamId: string, quota: Quota): Promise<void> {
  await db.updateTable('teams').set(quotaColumns(quota)).where('id', '=', teamId).execute();
}

export async function teamsOfUser(db: Db, userId: string): Promise<TeamMembership[]> {
  return db
    .selectFrom('team_members as m')
    .innerJoin('teams as t', 't.id', 'm.team_id')
    .select(['t.id', 't.name', 'm.role'])
    .where('m.user_id', '=', userId)
    .orderBy('t.name')
    .execute();
}

export async function listMembers(
  db: Db,
  teamIds: string[],
): Promise<{ teamId: string; user: string; role: TeamRole }[]> {
  if (teamIds.length === 0) return [];
  return db
    .selectFrom('team_members as m')
    .innerJoin('users as u', 'u.id', 'm.user_id')
    .select(['m.team_id as teamId', 'u.name as user', 'm.role'])
    .where('m.team_id', 'in', teamIds)
    .orderBy('u.name')
    .execute();
}

export async function setMember(
  db: Db,
  teamId: string,
  userId: string,
  role: TeamRole | 'none',
): Promise<void> {
  if (role === 'none') {
    await db.deleteFrom('team_members').where('team_id', '=', teamId).where('user_id', '=', userId).execute();
    return;
  }
  await db
    .insertInto('team_members')
    .values({ team_id: teamId, user_id: userId, role })
    .onConflict((c) => c.columns(['team_id', 'user_id']).doUpdateSet({ role }))
    .execute();
}

/** What the clusters of each team use, by team id; teams without clusters are absent. */
export async function usageByTeam(db: Db): Promise<Map<string, Quota>> {
  const rows = await db
    .selectFrom('clusters')
    .select(['team_id', 'topology', 'size', 'lifecycle'])
    .where('lifecycle', '<>', 'purged')
    .execute();
  const usage = new Map<string, Quota>();
  for (const row of rows) {
    usage.set(row.team_id, sumUse([usage.get(row.team_id) ?? noUse, useOf(row)]));
  }
  return usage;
}

function quotaColumns(quota: Quota) {
  return {
    quota_clusters: quota.clusters,
    quota_instances: quota.instances,
    quota_memory_mb: quota.memoryMb,
    quota_disk_gb: quota.diskGb,
  };
}
