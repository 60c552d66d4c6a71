import { can } from '../../auth/can.ts';
import { listTeams as readTeams } from '../../store/teams.ts';
import type { Handler } from '../handler.ts';
import { teamViews } from '../team-views.ts';

export const listTeams: Handler<'listTeams'> = async ({ context, actor }) => {
  const { db } = context.store;
  const teams = await readTeams(db);
  return teamViews(
    db,
    teams.filter((team) => can(actor, 'team.see', { teamId: team.id })),
  );
};
