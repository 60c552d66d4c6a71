/**
 * Which platform to talk to, and as whom.
 *
 *   1. --url or MOORING_URL, with the token of MOORING_TOKEN or of a log-in to that address
 *   2. --data or MOORING_DATA: the platform of this host, by the token in its data directory
 *   3. the platform that `moor login` has logged in to
 *   4. the platform of this host, in the default data directory
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { codeOf, PlatformError } from '../lib/errors.ts';
import { writeFileAtomic } from '../os/files.ts';
import type { CliEnvironment } from './environment.ts';

export type Session = { url: string; token: string | undefined };
export type SessionOptions = { url?: string; data?: string };
export type Login = { url: string; user: string; token: string; tokenId: string };

export async function findSession(options: SessionOptions, environment: CliEnvironment): Promise<Session> {
  const { env } = environment;
  const login = await readLogin(env);
  const url = options.url ?? (env.MOORING_URL || undefined);
  if (url) {
    const address = plainUrl(url);
    return { url: address, token: env.MOORING_TOKEN || (login?.url === address ? login.token : undefined) };
  }
  const named = options.data ?? (env.MOORING_DATA || undefined);
  if (named) {
    const local = await localSession(named);
    if (local !== undefined) return local;
    throw new PlatformError('unavailable', `No platform that you may use has its data in ${named}`, {
      hint: `Start it with: moor up --data ${named}`,
    });
  }
  if (login !== undefined) return { url: login.url, token: env.MOORING_TOKEN || login.token };
  const local = await localSession(defaultDataDirectory(env));
  if (local !== undefined) return local;
  throw new PlatformError(
    'unauthenticated',
    'You are not logged in, and no platform of yours is on this host',
    {
      hint: 'Start one with: moor up, or log in to another with: moor login URL',
    },
  );
}

export function defaultDataDirectory(env: CliEnvironment['env']): string {
  if (process.getuid?.() === 0) return '/var/lib/mooring';
  return join(env.XDG_DATA_HOME || join(env.HOME ?? homedir(), '.local', 'share'), 'mooring');
}

/** The address of this host's platform, when there is one; used as the default of `login`. */
export async function localAddress(data: string): Promise<string | undefined> {
  const text = await readIfAllowed(join(data, 'platform.json'));
  if (text === undefined) return undefined;
  return (JSON.parse(text) as { address?: string }).address;
}

async function localSession(data: string): Promise<Session | undefined> {
  const token = (await readIfAllowed(join(data, 'cli-token')))?.trim();
  const url = await localAddress(data);
  return token && url ? { url, token } : undefined;
}

async function readIfAllowed(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

function loginFile(env: CliEnvironment['env']): string {
  return join(env.XDG_CONFIG_HOME || join(env.HOME ?? homedir(), '.config'), 'mooring', 'login.json');
}

export async function readLogin(env: CliEnvironment['env']): Promise<Login | undefined> {
  const text = await readIfAllowed(loginFile(env));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Login;
  } catch {
    throw new PlatformError('refused', `${loginFile(env)} cannot be read`, {
      hint: 'Log in again with: moor login URL',
    });
  }
}

export async function writeLogin(env: CliEnvironment['env'], login: Login): Promise<void> {
  const file = loginFile(env);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFileAtomic(file, `${JSON.stringify(login, null, 2)}\n`, { mode: 0o600 });
}

export async function forgetLogin(env: CliEnvironment['env']): Promise<void> {
  await rm(loginFile(env), { force: true });
}

/** An address without path and slash, as it is compared and stored. */
export function plainUrl(text: string): string {
  try {
    const url = new URL(/^https?:\/\//.test(text) ? text : `http://${text}`);
    return url.origin;
  } catch (cause) {
    throw new PlatformError('invalid', `"${text}" is not an address`, {
      hint: 'Write it like http://127.0.0.1:7600',
      cause,
    });
  }
}
