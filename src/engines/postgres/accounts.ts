/** Accounts, slots and the application's database. Everything here looks first and writes only a difference. */
import pg from 'pg';
import type { Assignment, InstanceSecrets } from '../../domain/assignment.ts';
import { codeOf, PlatformError } from '../../lib/errors.ts';
import type { Connection } from './connection.ts';
import { isOurSlot, platformDatabase, replicationUser, slotName, spareDatabase, superuser } from './names.ts';
import { scramVerifier, verifies } from './scram.ts';

const { escapeIdentifier, escapeLiteral } = pg;

/**
 * The account that standbys stream with. `connection` must commit locally: nobody can acknowledge
 * before this account exists, and it is in the WAL that they will receive, like everything else.
 */
export async function ensureReplicationAccount(connection: Connection, password: string): Promise<void> {
  await ensureRole(connection, replicationUser, password, 'LOGIN REPLICATION');
}

/**
 * A slot for each other member, on every member: whoever leads later already has them. A slot holds no
 * WAL until somebody streams through it. Slots of members that are gone are dropped, or they would hold
 * WAL for ever; a slot that has lost its WAL is of no more use and is made anew.
 */
export async function ensureSlots(connection: Connection, assignment: Assignment): Promise<void> {
  const wanted = assignment.members
    .filter((member) => member.instanceId !== assignment.instanceId)
    .map((member) => slotName(member.name));
  const { rows } = await connection.query<{ name: string; active: boolean; lost: boolean }>(
    `SELECT slot_name AS name, active, wal_status IS NOT DISTINCT FROM 'lost' AS lost
       FROM pg_replication_slots WHERE slot_type = 'physical' AND NOT temporary`,
  );
  const obsolete = rows.filter(
    (slot) => isOurSlot(slot.name) && !slot.active && (slot.lost || !wanted.includes(slot.name)),
  );
  if (obsolete.length > 0) {
    await connection.query('SELECT pg_drop_replication_slot(name) FROM unnest($1::text[]) AS name', [
      obsolete.map((slot) => slot.name),
    ]);
  }
  const present = new Set(rows.filter((slot) => !obsolete.includes(slot)).map((slot) => slot.name));
  const missing = wanted.filter((name) => !present.has(name));
  if (missing.length === 0) return;
  await connection
    .query('SELECT pg_create_physical_replication_slot(name) FROM unnest($1::text[]) AS name', [missing])
    .catch(unlessDuplicate);
}

/**
 * The application's account and the database that it owns. The database is the template's spare one
 * under a new name; where that is gone, an ordinary new one.
 *
 * Any role may lower synchronous_commit for itself, PostgreSQL has no way to forbid it. Pinning it on
 * the role makes sure that it does not happen by an inherited default.
 */
export async function ensureApplication(
  connection: Connection,
  application: InstanceSecrets['application'],
): Promise<void> {
  const { user, password, database } = application;
  if ([superuser, replicationUser].includes(user) || [platformDatabase, spareDatabase].includes(database)) {
    throw new PlatformError('invalid', `"${user}" or "${database}" is reserved; choose another name`);
  }
  await ensureRole(connection, user, password, 'LOGIN');
  const { rows } = await connection.query<{ database: string; owner: string }>(
    `SELECT datname AS database, pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname IN ($1, $2)`,
    [database, spareDatabase],
  );
  const present = rows.find((row) => row.database === database);
  if (present?.owner === user) return;
  const name = escapeIdentifier(database);
  const handOver = `REVOKE ALL ON DATABASE ${name} FROM PUBLIC; ALTER DATABASE ${name} OWNER TO ${escapeIdentifier(user)}`;
  if (present === undefined) {
    const spare = rows.some((row) => row.database === spareDatabase);
    if (spare && (await renameSpare(connection, name, handOver))) return;
    await connection.query(`CREATE DATABASE ${name} STRATEGY wal_log`).catch(unlessDuplicate);
  }
  await connection.query(handOver);
}

/** In one transaction with the hand-over: one wait for the quorum, and no half-way state. */
async function renameSpare(connection: Connection, name: string, handOver: string): Promise<boolean> {
  try {
    await connection.query(`ALTER DATABASE ${spareDatabase} RENAME TO ${name}; ${handOver}`);
    return true;
  } catch (error) {
    // Gone (3D000), in use (55006), or done by another call (42P04): an ordinary one is as good.
    if (['3D000', '55006', '42P04'].includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}

async function ensureRole(
  connection: Connection,
  name: string,
  password: string,
  attributes: string,
): Promise<void> {
  const { rows } = await connection.query<{ verifier: string | null; pinned: boolean }>(
    `SELECT a.rolpassword AS verifier, coalesce('synchronous_commit=on' = ANY (s.setconfig), false) AS pinned
       FROM pg_authid a LEFT JOIN pg_db_role_setting s ON s.setrole = a.oid AND s.setdatabase = 0
      WHERE a.rolname = $1`,
    [name],
  );
  const present = rows[0];
  const role = escapeIdentifier(name);
  const pin = `ALTER ROLE ${role} SET synchronous_commit = 'on'`;
  if (present === undefined) {
    const verifier = escapeLiteral(await scramVerifier(password));
    await connection
      .query(`CREATE ROLE ${role} ${attributes} PASSWORD ${verifier}; ${pin}`)
      .catch(unlessDuplicate);
    return;
  }
  if (!(await verifies(present.verifier, password))) {
    await connection.query(
      `ALTER ROLE ${role} ${attributes} PASSWORD ${escapeLiteral(await scramVerifier(password))}`,
    );
  }
  if (!present.pinned) await connection.query(pin);
}

/** Two calls at the same time: the other one has made it. */
function unlessDuplicate(error: unknown): void {
  if (!['42710', '42P04', '23505'].includes(codeOf(error) ?? '')) throw error;
}
