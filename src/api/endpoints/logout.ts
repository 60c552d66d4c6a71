import { deleteSession } from '../../store/sessions.ts';
import type { Handler } from '../handler.ts';
import { sessionCookie } from '../session-cookie.ts';

export const logout: Handler<'logout'> = async ({ context, actor, audit, reply }) => {
  audit.object = 'session';
  if (actor.session !== null) await deleteSession(context.store.db, actor.session.tokenHash);
  reply.clearCookie(sessionCookie, { path: '/' });
};
