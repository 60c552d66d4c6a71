import { listUsers as readUsers } from '../../store/users.ts';
import type { Handler } from '../handler.ts';

export const listUsers: Handler<'listUsers'> = async ({ context }) =>
  (await readUsers(context.store.db)).map((row) => ({
    user: row.name,
    administrator: row.administrator,
    createdAt: row.created_at.toISOString(),
  }));
