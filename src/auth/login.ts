/**
 * Log-in, log-out and new passwords. A wrong name, a wrong password and a locked account get the same
 * answer after the same work, so that nobody learns which names exist.
 */
import { PlatformError } from '../lib/errors.ts';
import { newToken } from '../lib/ids.ts';
import { deleteOldSessions, deleteOtherSessions, insertSession } from '../store/sessions.ts';
import type { Db } from '../store/store.ts';
import { attemptsBeforeLock, beginLogin, findUserById, loginSucceeded, setPassword } from '../store/users.ts';
import { type Actor, hashToken, personActor } from './actor.ts';
import { hashPassword, passwordMatches } from './passwords.ts';

export type LoggedIn = { actor: Actor; cookie: string };

export async function logIn(db: Db, name: string, password: string): Promise<LoggedIn> {
  const user = await beginLogin(db, name);
  if (!(await passwordMatches(user?.password_hash, password)) || user === undefined) throw wrongCredentials();
  await loginSucceeded(db, user.id);
  await deleteOldSessions(db);
  const cookie = newToken('session');
  const session = { tokenHash: hashToken(cookie), csrfToken: newToken('csrf') };
  await insertSession(db, { ...session, userId: user.id });
  return { actor: await personActor(db, user, 'session', session), cookie };
}

/** Also ends the person's other sessions: whoever had the old password is out. */
export async function changePassword(
  db: Db,
  actor: Actor,
  currentPassword: string,
  newPassword: string,
): Promise<void> {
  const known = actor.userId === null ? undefined : await findUserById(db, actor.userId);
  if (known === undefined) {
    throw new PlatformError('forbidden', 'The command line on this host has no password', {
      hint: 'Log in as a person to change a password',
    });
  }
  // Counted like a log-in, so that a stolen session cannot be used to guess the password.
  const user = await beginLogin(db, known.name);
  if (!(await passwordMatches(user?.password_hash, currentPassword)) || user === undefined) {
    throw new PlatformError('forbidden', 'The current password is wrong', {
      hint: `Type it again; after ${attemptsBeforeLock} wrong attempts the account is locked for a while`,
      fields: [{ path: 'currentPassword', message: 'wrong' }],
    });
  }
  if (newPassword === currentPassword || newPassword.toLowerCase().includes(user.name)) {
    const message =
      newPassword === currentPassword
        ? 'The new password is the old one'
        : 'The new password contains your name';
    throw new PlatformError('invalid', message, {
      hint: 'Choose another one; four unrelated words make a good password',
      fields: [{ path: 'newPassword', message }],
    });
  }
  await setPassword(db, user.id, await hashPassword(newPassword), false);
  await deleteOtherSessions(db, user.id, actor.session?.tokenHash ?? null);
}

function wrongCredentials(): PlatformError {
  return new PlatformError('unauthenticated', 'User or password is wrong', {
    hint: `After ${attemptsBeforeLock} wrong attempts an account is locked for at least a minute`,
  });
}
