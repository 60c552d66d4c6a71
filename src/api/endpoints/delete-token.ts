import { PlatformError } from '../../lib/errors.ts';
import { deleteToken as removeToken } from '../../store/tokens.ts';
import type { Handler } from '../handler.ts';
import { isUuid } from '../lookups.ts';

export const deleteToken: Handler<'deleteToken'> = async ({ context, actor, params, audit }) => {
  audit.object = `tokens/${params.id}`;
  const removed =
    actor.userId !== null &&
    isUuid(params.id) &&
    (await removeToken(context.store.db, actor.userId, params.id));
  if (!removed) throw new PlatformError('not_found', 'You have no such token');
};
