/** What the first start leaves behind: one team with generous quotas and one administrator. */
import { defaultQuota } from '../domain/quota.ts';
import { newPassword } from '../lib/ids.ts';
import type { Db } from '../store/store.ts';
import { findTeam, insertTeam, setMember } from '../store/teams.ts';
import { findUser, insertUser, listUsers, setPassword } from '../store/users.ts';
import { hashPassword } from './passwords.ts';

export const defaultTeam = 'default';
export type FirstAdministrator = { user: 'admin'; initialPassword: string };

/**
 * Idempotent. While the administrator has never set a password of their own, each call makes a new
 * initial one (the old one was shown once and is kept nowhere); later calls return null.
 */
export async function ensureFirstAdministrator(store: { db: Db }): Promise<FirstAdministrator | null> {
  const { db } = store;
  const team = await ensureDefaultTeam(db);
  const users = await listUsers(db);
  const admin = users.find((user) => user.name === 'admin');
  if (admin === undefined && users.some((user) => user.administrator)) return null;
  if (admin !== undefined && !admin.must_change_password) return null;

  const initialPassword = newPassword();
  const passwordHash = await hashPassword(initialPassword);
  if (admin !== undefined) {
    await setPassword(db, admin.id, passwordHash, true);
  } else {
    await insertUser(db, { name: 'admin', passwordHash, administrator: true, mustChangePassword: true });
  }
  const user = admin ?? (await findUser(db, 'admin'));
  if (user !== undefined) await setMember(db, team.id, user.id, 'owner');
  return { user: 'admin', initialPassword };
}

async function ensureDefaultTeam(db: Db) {
  const existing = await findTeam(db, defaultTeam);
  if (existing !== undefined) return existing;
  try {
    return await insertTeam(db, defaultTeam, defaultQuota);
  } catch (error) {
    // Two processes that share one store may start at the same moment.
    const raced = await findTeam(db, defaultTeam);
    if (raced !== undefined) return raced;
    throw error;
  }
}
