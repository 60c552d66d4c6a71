/**
 * SCRAM-SHA-256 verifiers (RFC 5803), computed here so that no password ever reaches the server's log
 * or its list of running statements.
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const iterations = 4096;
const derive = promisify(pbkdf2);

export async function scramVerifier(
  password: string,
  salt = randomBytes(16),
  rounds = iterations,
): Promise<string> {
  const salted = await derive(password.normalize('NFKC'), salt, rounds, 32, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  const storedKey = createHash('sha256').update(clientKey).digest('base64');
  const serverKey = createHmac('sha256', salted).update('Server Key').digest('base64');
  return `SCRAM-SHA-256$${rounds}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}

/** Whether a stored verifier was made from this password. */
export async function verifies(verifier: string | null, password: string): Promise<boolean> {
  const match = /^SCRAM-SHA-256\$(\d+):([^$]+)\$/.exec(verifier ?? '');
  if (match === null || verifier === null) return false;
  const again = await scramVerifier(password, Buffer.from(String(match[2]), 'base64'), Number(match[1]));
  return again.length === verifier.length && timingSafeEqual(Buffer.from(again), Buffer.from(verifier));
}
