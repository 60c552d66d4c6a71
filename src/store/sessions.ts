/** Sessions of people who logged in. Only the hash of the cookie's token is kept. */
import { sql } from 'kysely';
import type { Db } from './store.ts';
import type { UserRow } from './users.ts';

/** A session ends this long after its last use, and in any case `absoluteHours` after the log-in. */
export const idleHours = 12;
export const absoluteHours = 7 * 24;

export type SessionRow = { tokenHash: Buffer; csrfToken: string; user: UserRow; expired: boolean };

export async function insertSession(
  db: Db,
  session: { tokenHash: Buffer; userId: string; csrfToken: string },
): Promise<void> {
  await db
    .insertInto('sessions')
    .values({
      token_hash: session.tokenHash,
      user_id: session.userId,
      csrf_token: session.csrfToken,
      expires_at: sql<Date>`now() + make_interval(hours => ${absoluteHours}::int)`,
    })
    .execute();
}

export async function findSession(db: Db, tokenHash: Buffer): Promise<SessionRow | undefined> {
  const row = await db
    .selectFrom('sessions as s')
    .innerJoin('users as u', 'u.id', 's.user_id')
    .selectAll('u')
    .select([
      's.csrf_token',
      sql<boolean>`s.expires_at <= now() or s.last_used_at <= now() - make_interval(hours => ${idleHours}::int)`.as(
        'expired',
      ),
    ])
    .where('s.token_hash', '=', tokenHash)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { csrf_token, expired, ...user } = row;
  return { tokenHash, csrfToken: csrf_token, user, expired };
}

/** Notes the use of a session; at most once a minute, so that reading pages costs no writes. */
export async function touchSession(db: Db, tokenHash: Buffer): Promise<void> {
  await db
    .updateTable('sessions')
    .set({ last_used_at: sql<Date>`now()` })
    .where('token_hash', '=', tokenHash)
    .where('last_used_at', '<', sql<Date>`now() - interval '1 minute'`)
    .execute();
}

export async function deleteSession(db: Db, tokenHash: Buffer): Promise<void> {
  await db.deleteFrom('sessions').where('token_hash', '=', tokenHash).execute();
}

/** Ends all sessions of a person but the one in hand: what a new password must do. */
export async function deleteOtherSessions(db: Db, userId: string, keep: Buffer | null): Promise<void> {
  let query = db.deleteFrom('sessions').where('user_id', '=', userId);
  if (keep !== null) query = query.where('token_hash', '<>', keep);
  await query.execute();
}

/** Forgets sessions that ended a week ago; until then their cookie is told that it expired. */
export async function deleteOldSessions(db: Db): Promise<void> {
  await db
    .deleteFrom('sessions')
    .where((eb) =>
      eb.or([
        eb('expires_at', '<', sql<Date>`now() - interval '7 days'`),
        eb('last_used_at', '<', sql<Date>`now() - interval '7 days'`),
      ]),
    )
    .execute();
}
