import type { Actor } from '../../auth/actor.ts';
import { can, mustBeAble } from '../../auth/can.ts';
import { defaultTeam } from '../../auth/first-start.ts';
import { PlatformError } from '../../lib/errors.ts';
import type { Handler } from '../handler.ts';
import { accepted, teamNamed } from '../lookups.ts';

export const createCluster: Handler<'createCluster'> = async ({ context, actor, body, audit }) => {
  const { db } = context.store;
  const { engine, version, topology, size, ack } = body;
  audit.object = `clusters/${body.name.slice(0, 80)}`;
  audit.details = { engine, version, topology, size, ack, team: body.team };
  const team = await teamNamed(db, body.team ?? teamOf(actor));
  if (!can(actor, 'team.see', { teamId: team.id })) {
    throw new PlatformError('not_found', `There is no team called "${team.name}"`);
  }
  mustBeAble(actor, 'cluster.create', { teamId: team.id });
  const submitted = await context.submissions.create(actor.name, team, body);
  audit.details = { ...audit.details, team: team.name, operation: submitted.operationId };
  return accepted(db, submitted.clusterId, submitted.operationId);
};

/** The team that is meant when none is named: the only one there is, else the default one. */
function teamOf(actor: Actor): string {
  const [first, second] = actor.teams.filter((team) => team.role !== 'viewer');
  if (first !== undefined && second === undefined) return first.name;
  if (actor.administrator || actor.teams.some((team) => team.name === defaultTeam)) return defaultTeam;
  if (actor.teams.length === 0) {
    throw new PlatformError('forbidden', 'You are in no team yet, and clusters belong to teams', {
      hint: 'Ask an administrator to add you to one',
    });
  }
  throw new PlatformError('invalid', 'Say for which of your teams', {
    hint: `You are in: ${actor.teams.map((team) => team.name).join(', ')}`,
    fields: [{ path: 'team', message: 'required' }],
  });
}
