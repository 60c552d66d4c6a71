/**
 * Who may do what, as one table. An administrator may do everything; everybody else has, per team,
 * the role owner, member or viewer. What somebody may not even see does not exist for them.
 */
import { PlatformError } from '../lib/errors.ts';
import type { TeamRole } from '../store/teams.ts';
import type { Actor } from './actor.ts';

const nobody = [] as const;
const everyRole = ['owner', 'member', 'viewer'] as const;
const builders = ['owner', 'member'] as const;

/** Roles in the object's team that may; an administrator may always. */
const table = {
  'cluster.see': everyRole,
  'cluster.create': builders,
  'cluster.restart': builders,
  'cluster.delete': builders,
  'cluster.undelete': builders,
  'cluster.readPassword': builders,
  'operation.cancel': builders,
  'team.see': everyRole,
  'team.manage': nobody,
  'user.manage': nobody,
  'audit.read': nobody,
} as const satisfies Record<string, readonly TeamRole[]>;

export type Action = keyof typeof table;
export const actions = Object.keys(table) as Action[];

/** What an action is done to: something that belongs to a team, or the platform itself. */
export type ActionObject = { teamId: string } | 'platform';

type Asker = Pick<Actor, 'administrator' | 'teams'>;

export function can(actor: Asker, action: Action, object: ActionObject): boolean {
  if (actor.administrator) return true;
  if (object === 'platform') return false;
  const role = actor.teams.find((team) => team.id === object.teamId)?.role;
  return role !== undefined && (table[action] as readonly TeamRole[]).includes(role);
}

const sentences: Partial<Record<Action, string>> = {
  'cluster.create': 'create clusters in this team',
  'cluster.restart': 'restart clusters of this team',
  'cluster.delete': 'delete clusters of this team',
  'cluster.undelete': 'bring clusters of this team back',
  'cluster.readPassword': 'read passwords of this team',
  'operation.cancel': 'cancel operations of this team',
};

/** Throws `forbidden`. Whether the actor may see the object at all is asked before. */
export function mustBeAble(actor: Asker, action: Action, object: ActionObject): void {
  if (can(actor, action, object)) return;
  throw new PlatformError('forbidden', `You may not ${sentences[action] ?? 'do this'}`, {
    hint:
      object === 'platform'
        ? 'Ask an administrator'
        : 'Ask an owner of the team for the role "member", or an administrator',
    context: { action },
  });
}
