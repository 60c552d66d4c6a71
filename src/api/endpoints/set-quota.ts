import { setQuota as writeQuota } from '../../store/teams.ts';
import type { Handler } from '../handler.ts';
import { teamNamed } from '../lookups.ts';
import { teamView } from '../team-views.ts';

/** May be set below what is used: nothing is taken away, only nothing new is given. */
export const setQuota: Handler<'setQuota'> = async ({ context, params, body, audit }) => {
  const { db } = context.store;
  audit.object = `teams/${params.name}`;
  audit.details = { quota: body };
  const team = await teamNamed(db, params.name);
  await writeQuota(db, team.id, body);
  return teamView(db, await teamNamed(db, params.name));
};
