/** How endpoints find things: what the actor may not see does not exist. */
import type { Actor } from '../auth/actor.ts';
import { can } from '../auth/can.ts';
import { PlatformError } from '../lib/errors.ts';
import { type ClusterRow, clusterById, clusterByName } from '../store/clusters.ts';
import { loadBundles } from '../store/facts.ts';
import { type NamedOperation, operationById } from '../store/operations.ts';
import type { Db } from '../store/store.ts';
import { findTeam, listTeams, type TeamRow } from '../store/teams.ts';
import { findUser, type UserRow } from '../store/users.ts';
import type * as s from './contract/schemas.ts';
import { clusterView, operationView } from './views.ts';

export async function visibleCluster(db: Db, actor: Actor, name: string): Promise<ClusterRow> {
  const cluster = await clusterByName(db, name);
  if (cluster === undefined || !can(actor, 'cluster.see', { teamId: cluster.team_id })) {
    throw new PlatformError('not_found', `There is no cluster called "${name.slice(0, 80)}"`, {
      hint: 'See all with: moor list',
    });
  }
  return cluster;
}

export async function visibleOperation(
  db: Db,
  actor: Actor,
  id: string,
): Promise<{ operation: NamedOperation; teamId: string }> {
  const operation = isUuid(id) ? await operationById(db, id) : undefined;
  const cluster = operation && (await clusterById(db, operation.cluster_id));
  if (
    operation === undefined ||
    cluster === undefined ||
    !can(actor, 'cluster.see', { teamId: cluster.team_id })
  ) {
    throw new PlatformError('not_found', `There is no operation ${id.slice(0, 80)}`, {
      hint: 'See all with: moor operations',
    });
  }
  return { operation, teamId: cluster.team_id };
}

/** Undefined: all teams. */
export function teamsInSight(actor: Actor): string[] | undefined {
  return actor.administrator ? undefined : actor.teams.map((team) => team.id);
}

export async function clusterViews(db: Db, clusters: ClusterRow[]): Promise<s.Cluster[]> {
  if (clusters.length === 0) return [];
  const [bundles, teams] = await Promise.all([loadBundles(db, clusters), listTeams(db)]);
  const names = new Map(teams.map((team) => [team.id, team.name]));
  return bundles.map((bundle) => clusterView(bundle, names.get(bundle.cluster.team_id) ?? '', Date.now()));
}

/** What a call that started an operation answers. */
export async function accepted(db: Db, clusterId: string, operationId: string): Promise<s.Accepted> {
  const [cluster, operation] = await Promise.all([
    clusterById(db, clusterId),
    operationById(db, operationId),
  ]);
  const [view] = cluster === undefined ? [] : await clusterViews(db, [cluster]);
  if (view === undefined || operation === undefined) throw new Error('an accepted operation has no row');
  return { cluster: view, operation: operationView(operation) };
}

export async function teamNamed(db: Db, name: string): Promise<TeamRow> {
  const team = await findTeam(db, name);
  if (team === undefined)
    throw new PlatformError('not_found', `There is no team called "${name.slice(0, 80)}"`);
  return team;
}

export async function userNamed(db: Db, name: string): Promise<UserRow> {
  const user = await findUser(db, name);
  if (user === undefined) {
    throw new PlatformError('not_found', `There is no person called "${name.slice(0, 80)}"`);
  }
  return user;
}

export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);
}
