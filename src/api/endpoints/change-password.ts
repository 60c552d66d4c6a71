import * as auth from '../../auth/login.ts';
import type { Handler } from '../handler.ts';

export const changePassword: Handler<'changePassword'> = async ({ context, actor, body, audit }) => {
  audit.object = `users/${actor.name}`;
  await auth.changePassword(context.store.db, actor, body.currentPassword, body.newPassword);
};
