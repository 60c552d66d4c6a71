/** People who may log in, with the count of failed attempts that locks an account for a while. */
import { type Selectable, sql } from 'kysely';
import { codeOf, PlatformError } from '../lib/errors.ts';
import { newId } from '../lib/ids.ts';
import type { Db } from './store.ts';
import type { Tables } from './tables.ts';

export type UserRow = Selectable<Tables['users']>;

/** After this many attempts in a row, an account is locked; each further one doubles the time. */
export const attemptsBeforeLock = 10;
const firstLockSeconds = 60;
const longestLockSeconds = 900;

export async function findUser(db: Db, name: string): Promise<UserRow | undefined> {
  return db.selectFrom('users').selectAll().where('name', '=', name).executeTakeFirst();
}

export async function findUserById(db: Db, id: string): Promise<UserRow | undefined> {
  return db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listUsers(db: Db): Promise<UserRow[]> {
  return db.selectFrom('users').selectAll().orderBy('name').execute();
}

export async function insertUser(
  db: Db,
  user: { name: string; passwordHash: string; administrator: boolean; mustChangePassword: boolean },
): Promise<UserRow> {
  try {
    return await db
      .insertInto('users')
      .values({
        id: newId(),
        name: user.name,
        password_hash: user.passwordHash,
        administrator: user.administrator,
        must_change_password: user.mustChangePassword,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
  } catch (cause) {
    if (codeOf(cause) !== '23505') throw cause;
    throw new PlatformError('conflict', `There is already a person called "${user.name}"`, {
      hint: 'Choose another name',
      fields: [{ path: 'name', message: 'taken' }],
      cause,
    });
  }
}

/**
 * Counts an attempt *before* the password is looked at, so that a hundred attempts sent at the same
 * moment count as a hundred. Undefined: no such user, or locked right now; the caller must not tell which.
 */
export async function beginLogin(db: Db, name: string): Promise<UserRow | undefined> {
  return db
    .updateTable('users')
    .set({
      failed_logins: sql<number>`failed_logins + 1`,
      locked_until: sql<Date | null>`case when failed_logins + 1 < ${attemptsBeforeLock}::int then null
        else now() + make_interval(secs => least(${longestLockSeconds}::int,
          ${firstLockSeconds}::int * 2 ^ least(failed_logins + 1 - ${attemptsBeforeLock}::int, 10))) end`,
    })
    .where('name', '=', name)
    .where((eb) => eb.or([eb('locked_until', 'is', null), eb('locked_until', '<=', sql<Date>`now()`)]))
    .returningAll()
    .executeTakeFirst();
}

export async function loginSucceeded(db: Db, userId: string): Promise<void> {
  await db
    .updateTable('users')
    .set({ failed_logins: 0, locked_until: null })
    .where('id', '=', userId)
    .execute();
}

export async function setPassword(
  db: Db,
  userId: string,
  passwordHash: string,
  mustChangePassword: boolean,
): Promise<void> {
  await db
    .updateTable('users')
    .set({
      password_hash: passwordHash,
      must_change_password: mustChangePassword,
      failed_logins: 0,
      locked_until: null,
    })
    .where('id', '=', userId)
    .execute();
}

/** With sessions, tokens and memberships. False for the last administrator, who stays. */
export async function deleteUser(db: Db, userId: string): Promise<boolean> {
  const result = await db
    .deleteFrom('users')
    .where('id', '=', userId)
    .where((eb) =>
      eb.or([
        eb('administrator', '=', false),
        eb.exists(
          eb
            .selectFrom('users as other')
            .select('other.id')
            .where('other.administrator', '=', true)
            .where('other.id', '<>', userId),
        ),
      ]),
    )
    .executeTakeFirst();
  return result.numDeletedRows > 0n;
}
