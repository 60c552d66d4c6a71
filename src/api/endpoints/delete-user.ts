import { PlatformError } from '../../lib/errors.ts';
import * as users from '../../store/users.ts';
import type { Handler } from '../handler.ts';
import { userNamed } from '../lookups.ts';

export const deleteUser: Handler<'deleteUser'> = async ({ context, params, audit }) => {
  const { db } = context.store;
  audit.object = `users/${params.name}`;
  const user = await userNamed(db, params.name);
  if (await users.deleteUser(db, user.id)) return;
  throw new PlatformError('refused', `${user.name} is the last administrator`, {
    hint: 'Make somebody else an administrator first',
  });
};
