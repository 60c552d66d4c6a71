/** Teams with members, quota and use. */
import { noUse } from '../domain/quota.ts';
import type { Db } from '../store/store.ts';
import { listMembers, type TeamRow, usageByTeam } from '../store/teams.ts';
import type * as s from './contract/schemas.ts';

export async function teamViews(db: Db, teams: TeamRow[]): Promise<s.Team[]> {
  const [members, usage] = await Promise.all([
    listMembers(
      db,
      teams.map((team) => team.id),
    ),
    usageByTeam(db),
  ]);
  return teams.map((team) => ({
    name: team.name,
    quota: {
      clusters: team.quota_clusters,
      instances: team.quota_instances,
      memoryMb: team.quota_memory_mb,
      diskGb: team.quota_disk_gb,
    },
    used: usage.get(team.id) ?? noUse,
    members: members.filter((member) => member.teamId === team.id).map(({ user, role }) => ({ user, role })),
  }));
}

export async function teamView(db: Db, team: TeamRow): Promise<s.Team> {
  const [view] = await teamViews(db, [team]);
  if (view === undefined) throw new Error('one team in, one view out');
  return view;
}
