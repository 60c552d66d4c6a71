/** Passwords of people: argon2id with the parameters that OWASP recommends (19 MiB, two passes). */
import { hash, verify } from '@node-rs/argon2';
import { newPassword } from '../lib/ids.ts';

const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export async function hashPassword(password: string): Promise<string> {
  return hash(password, parameters);
}

let placeholder: Promise<string> | undefined;

/**
 * Without a hash (unknown or locked user) the same work is done against a placeholder, so that the
 * duration does not tell who exists.
 */
export async function passwordMatches(passwordHash: string | undefined, password: string): Promise<boolean> {
  placeholder ??= hashPassword(newPassword());
  const matches = await verify(passwordHash ?? (await placeholder), password);
  return matches && passwordHash !== undefined;
}
