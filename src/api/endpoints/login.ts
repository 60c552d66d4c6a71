import { logIn } from '../../auth/login.ts';
import { absoluteHours } from '../../store/sessions.ts';
import { findUser } from '../../store/users.ts';
import type { Handler } from '../handler.ts';
import { sessionCookie } from '../session-cookie.ts';
import { meView } from './me.ts';

export const login: Handler<'login'> = async ({ context, body, audit, reply }) => {
  const { db } = context.store;
  audit.object = 'session';
  try {
    const { actor, cookie } = await logIn(db, body.user, body.password);
    audit.actor = actor.name;
    reply.setCookie(sessionCookie, cookie, {
      path: '/',
      httpOnly: true,
      sameSite: 'strict',
      secure: context.https,
      maxAge: absoluteHours * 3600,
    });
    return meView(actor);
  } catch (error) {
    // A name that nobody has may be a password typed into the wrong field: it is not recorded.
    const known = await findUser(db, body.user).catch(() => undefined);
    audit.actor = known?.name ?? 'unknown';
    throw error;
  }
};
