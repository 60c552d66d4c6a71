import { hashPassword } from '../../auth/passwords.ts';
import { PlatformError } from '../../lib/errors.ts';
import { newPassword } from '../../lib/ids.ts';
import { insertUser } from '../../store/users.ts';
import type { Handler } from '../handler.ts';

/** Names that the audit trail uses for somebody who is not a person. */
const reserved = new Set(['local', 'unknown', 'platform', 'controller', 'system', 'retention']);

export const createUser: Handler<'createUser'> = async ({ context, body, audit }) => {
  audit.object = `users/${body.name}`;
  audit.details = { administrator: body.administrator };
  if (reserved.has(body.name)) {
    throw new PlatformError('invalid', `"${body.name}" is reserved`, {
      hint: 'Choose another name',
      fields: [{ path: 'name', message: 'reserved' }],
    });
  }
  const initialPassword = newPassword();
  await insertUser(context.store.db, {
    name: body.name,
    passwordHash: await hashPassword(initialPassword),
    administrator: body.administrator,
    mustChangePassword: true,
  });
  return { user: body.name, initialPassword };
};
