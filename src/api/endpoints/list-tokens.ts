import { listTokens as readTokens, type TokenRow } from '../../store/tokens.ts';
import type { Token } from '../contract/schemas.ts';
import type { Handler } from '../handler.ts';

export const listTokens: Handler<'listTokens'> = async ({ context, actor }) => {
  if (actor.userId === null) return [];
  return (await readTokens(context.store.db, actor.userId)).map(tokenView);
};

export function tokenView(row: TokenRow): Token {
  return {
    id: row.id,
    name: row.name,
    createdAt: row.created_at.toISOString(),
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    expiresAt: row.expires_at?.toISOString() ?? null,
  };
}
