/** API tokens of people, for scripts. Only the hash is kept. */
import { type Selectable, sql } from 'kysely';
import { codeOf, PlatformError } from '../lib/errors.ts';
import { newId } from '../lib/ids.ts';
import type { Db } from './store.ts';
import type { Tables } from './tables.ts';
import type { UserRow } from './users.ts';

export type TokenRow = Selectable<Tables['api_tokens']>;

export async function listTokens(db: Db, userId: string): Promise<TokenRow[]> {
  return db
    .selectFrom('api_tokens')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('created_at', 'desc')
    .execute();
}

export async function insertToken(
  db: Db,
  token: { userId: string; name: string; tokenHash: Buffer; expiresInDays: number | undefined },
): Promise<TokenRow> {
  try {
    return await db
      .insertInto('api_tokens')
      .values({
        id: newId(),
        user_id: token.userId,
        name: token.name,
        token_hash: token.tokenHash,
        expires_at:
          token.expiresInDays === undefined
            ? null
            : sql<Date>`now() + make_interval(days => ${token.expiresInDays}::int)`,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
  } catch (cause) {
    if (codeOf(cause) !== '23505') throw cause;
    throw new PlatformError('conflict', `You already have a token called "${token.name}"`, {
      hint: 'Choose another name, or revoke the old one first',
      fields: [{ path: 'name', message: 'taken' }],
      cause,
    });
  }
}

/** False when this person has no such token. */
export async function deleteToken(db: Db, userId: string, id: string): Promise<boolean> {
  const result = await db
    .deleteFrom('api_tokens')
    .where('user_id', '=', userId)
    .where('id', '=', id)
    .executeTakeFirst();
  return result.numDeletedRows > 0n;
}

export async function findToken(
  db: Db,
  tokenHash: Buffer,
): Promise<{ id: string; user: UserRow; expired: boolean } | undefined> {
  const row = await db
    .selectFrom('api_tokens as t')
    .innerJoin('users as u', 'u.id', 't.user_id')
    .selectAll('u')
    .select([
      't.id as token_id',
      sql<boolean>`t.expires_at is not null and t.expires_at <= now()`.as('expired'),
    ])
    .where('t.token_hash', '=', tokenHash)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { token_id, expired, ...user } = row;
  return { id: token_id, user, expired };
}

/** Notes the use of a token, at most once a minute. */
export async function touchToken(db: Db, id: string): Promise<void> {
  await db
    .updateTable('api_tokens')
    .set({ last_used_at: sql<Date>`now()` })
    .where('id', '=', id)
    .where((eb) =>
      eb.or([
        eb('last_used_at', 'is', null),
        eb('last_used_at', '<', sql<Date>`now() - interval '1 minute'`),
      ]),
    )
    .execute();
}
