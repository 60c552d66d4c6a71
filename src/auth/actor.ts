/**
 * Who makes a call. A person comes with a session cookie or an API token; the command line on the
 * platform's own host comes with the token of the data directory and acts as administrator `local`.
 */
import { createHash } from 'node:crypto';
import { PlatformError } from '../lib/errors.ts';
import { sameSecret } from '../lib/feed-token.ts';
import { findSession, touchSession } from '../store/sessions.ts';
import type { Db } from '../store/store.ts';
import { type TeamMembership, teamsOfUser } from '../store/teams.ts';
import { findToken, touchToken } from '../store/tokens.ts';
import type { UserRow } from '../store/users.ts';

export type Actor = {
  /** What the audit trail and the operations call this actor. */
  name: string;
  via: 'session' | 'token' | 'host';
  /** Null for the command line on the platform's host, which is nobody's account. */
  userId: string | null;
  administrator: boolean;
  mustChangePassword: boolean;
  teams: TeamMembership[];
  /** Of a cookie session; null otherwise. */
  session: { tokenHash: Buffer; csrfToken: string } | null;
};

export type Presented = { cookie: string | undefined; authorization: string | undefined };

export const tokenPrefix = 'moor';
export const logInAgain = 'Log in again: in the console, or with: moor login';

/** Tokens carry 256 random bits, so a plain hash is enough; only passwords need a slow one. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** The bearer token of an Authorization header. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer ([\x21-\x7e]{1,500})$/i.exec(authorization ?? '')?.[1];
}

/** Throws `unauthenticated` with what to do. A token, when there is one, wins over the cookie. */
export async function identify(db: Db, cliToken: string, presented: Presented): Promise<Actor> {
  if (presented.authorization !== undefined) return identifyByToken(db, cliToken, presented.authorization);
  if (presented.cookie !== undefined) return identifyBySession(db, presented.cookie);
  throw new PlatformError('unauthenticated', 'You are not logged in', {
    hint: 'Log in in the console or with: moor login; scripts send "Authorization: Bearer <token>"',
  });
}

async function identifyByToken(db: Db, cliToken: string, authorization: string): Promise<Actor> {
  const presented = bearerOf(authorization);
  if (presented !== undefined && sameSecret(cliToken, presented)) return hostActor;
  const found = presented === undefined ? undefined : await findToken(db, hashToken(presented));
  if (found === undefined) {
    throw new PlatformError('unauthenticated', 'This token is not known here', {
      hint: 'It was revoked or belongs to another platform; make a new one under Settings, Tokens',
    });
  }
  if (found.expired) {
    throw new PlatformError('unauthenticated', 'This token has expired', {
      hint: 'Make a new one under Settings, Tokens',
    });
  }
  await touchToken(db, found.id);
  return personActor(db, found.user, 'token', null);
}

async function identifyBySession(db: Db, cookie: string): Promise<Actor> {
  const session = await findSession(db, hashToken(cookie));
  if (session === undefined || session.expired) {
    throw new PlatformError('unauthenticated', 'Your session has ended', { hint: logInAgain });
  }
  await touchSession(db, session.tokenHash);
  return personActor(db, session.user, 'session', session);
}

const hostActor: Actor = {
  name: 'local',
  via: 'host',
  userId: null,
  administrator: true,
  mustChangePassword: false,
  teams: [],
  session: null,
};

export async function personActor(
  db: Db,
  user: UserRow,
  via: 'session' | 'token',
  session: Actor['session'],
): Promise<Actor> {
  return {
    name: user.name,
    via,
    userId: user.id,
    administrator: user.administrator,
    mustChangePassword: user.must_change_password,
    teams: await teamsOfUser(db, user.id),
    session: session === null ? null : { tokenHash: session.tokenHash, csrfToken: session.csrfToken },
  };
}
