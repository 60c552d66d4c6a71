/** Identifiers and secrets. Ids sort by time of creation (UUID version 7, RFC 9562). */
import { randomBytes, randomInt } from 'node:crypto';

export function newId(nowMs = Date.now()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const letters = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';

/** A password that a person can read aloud and that needs no quoting in a shell, a URL or SQL. */
export function newPassword(length = 24): string {
  return Array.from({ length }, () => letters[randomInt(letters.length)]).join('');
}

/** An opaque bearer secret: prefix, underscore, 256 random bits. */
export function newToken(prefix: string): string {
  return `${prefix}_${randomBytes(32).toString('base64url')}`;
}
