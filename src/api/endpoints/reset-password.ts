import { hashPassword } from '../../auth/passwords.ts';
import { newPassword } from '../../lib/ids.ts';
import { deleteOtherSessions } from '../../store/sessions.ts';
import { setPassword } from '../../store/users.ts';
import type { Handler } from '../handler.ts';
import { userNamed } from '../lookups.ts';

export const resetPassword: Handler<'resetPassword'> = async ({ context, params, audit }) => {
  const { db } = context.store;
  audit.object = `users/${params.name}`;
  const user = await userNamed(db, params.name);
  const initialPassword = newPassword();
  await setPassword(db, user.id, await hashPassword(initialPassword), true);
  await deleteOtherSessions(db, user.id, null);
  return { user: user.name, initialPassword };
};
