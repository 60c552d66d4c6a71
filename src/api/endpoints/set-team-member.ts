import { setMember } from '../../store/teams.ts';
import type { Handler } from '../handler.ts';
import { teamNamed, userNamed } from '../lookups.ts';
import { teamView } from '../team-views.ts';

export const setTeamMember: Handler<'setTeamMember'> = async ({ context, params, body, audit }) => {
  const { db } = context.store;
  audit.object = `teams/${params.name}/members/${params.user}`;
  audit.details = { role: body.role };
  const team = await teamNamed(db, params.name);
  const user = await userNamed(db, params.user);
  await setMember(db, team.id, user.id, body.role);
  return teamView(db, team);
};
