import { hashToken, tokenPrefix } from '../../auth/actor.ts';
import { PlatformError } from '../../lib/errors.ts';
import { newToken } from '../../lib/ids.ts';
import { insertToken } from '../../store/tokens.ts';
import type { Handler } from '../handler.ts';
import { tokenView } from './list-tokens.ts';

export const createToken: Handler<'createToken'> = async ({ context, actor, body, audit }) => {
  audit.object = `tokens/${body.name}`;
  if (actor.userId === null) {
    throw new PlatformError(
      'forbidden',
      'The command line on this host is nobody, and tokens belong to people',
      {
        hint: 'Log in as a person to make a token',
      },
    );
  }
  const token = newToken(tokenPrefix);
  const row = await insertToken(context.store.db, {
    userId: actor.userId,
    name: body.name,
    tokenHash: hashToken(token),
    expiresInDays: body.expiresInDays,
  });
  audit.details = { id: row.id, expiresInDays: body.expiresInDays ?? null };
  return { ...tokenView(row), token };
};
