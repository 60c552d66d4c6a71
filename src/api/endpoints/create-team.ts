import { defaultQuota } from '../../domain/quota.ts';
import { insertTeam } from '../../store/teams.ts';
import type { Handler } from '../handler.ts';
import { teamView } from '../team-views.ts';

export const createTeam: Handler<'createTeam'> = async ({ context, body, audit }) => {
  const { db } = context.store;
  const quota = body.quota ?? defaultQuota;
  audit.object = `teams/${body.name}`;
  audit.details = { quota };
  return teamView(db, await insertTeam(db, body.name, quota));
};
