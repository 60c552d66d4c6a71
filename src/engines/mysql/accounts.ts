/**
 * Accounts. The template already holds Mooring's own two, without passwords: administration reachable
 * only over the local socket, replication locked. The first boot gives both their passwords and unlocks
 * replication in one ALTER USER, which is atomic: an instance is either provisioned or it is not.
 */
import type { InstanceSecrets } from '../../domain/assignment.ts';
import { type Connection, identifier, literal } from './connection.ts';

export const adminUser = 'mooring';
export const replicationUser = 'mooring_repl';
/** Its tables are part of the template and replicate like any other. */
export const platformSchema = 'mooring';
/** Heartbeats take turns on this many rows, so that one that waits does not lock out the next. */
export const heartbeatRows = 64;

const admin = `${adminUser}@localhost`;
const replication = `${replicationUser}@'%'`;

/** What never changes; run once, while the template is built, without a binary log. */
export const templateStatements = [
  `CREATE SCHEMA ${platformSchema}`,
  `CREATE TABLE ${platformSchema}.heartbeat (
     slot TINYINT UNSIGNED PRIMARY KEY, term BIGINT UNSIGNED NOT NULL, at TIMESTAMP(6) NULL) ENGINE=InnoDB`,
  `INSERT INTO ${platformSchema}.heartbeat (slot, term) VALUES ${Array.from(
    { length: heartbeatRows },
    (_, slot) => `(${slot}, 0)`,
  ).join(', ')}`,
  `CREATE USER ${admin} IDENTIFIED WITH caching_sha2_password BY ''`,
  `GRANT ALL ON *.* TO ${admin} WITH GRANT OPTION`,
  `CREATE USER ${replication} IDENTIFIED WITH caching_sha2_password BY '' REQUIRE SSL ACCOUNT LOCK`,
  // CONNECTION_ADMIN lets a standby in while the server is offline for everybody else.
  `GRANT REPLICATION SLAVE, BACKUP_ADMIN, CLONE_ADMIN, CONNECTION_ADMIN ON *.* TO ${replication}`,
  'ALTER USER root@localhost ACCOUNT LOCK',
];

/** On each member by itself and outside the binary log, so that no member has what another lacks. */
export async function givePlatformPasswords(connection: Connection, secrets: InstanceSecrets): Promise<void> {
  await connection.run([
    'SET sql_log_bin = 0',
    'SET GLOBAL super_read_only = OFF',
    `ALTER USER ${admin} IDENTIFIED BY ${literal(secrets.adminPassword)},
       ${replication} IDENTIFIED BY ${literal(secrets.replicationPassword)} ACCOUNT UNLOCK`,
    'SET GLOBAL super_read_only = ON',
    'SET sql_log_bin = 1',
  ]);
}

/** Only what is missing is created: a statement that changes nothing would still be logged and waited for. */
export async function createApplication(
  connection: Connection,
  application: InstanceSecrets['application'],
  deadlineMs: number,
): Promise<void> {
  const account = `${literal(application.user)}@'%'`;
  // In a GRANT, _ and % are wildcards.
  const pattern = application.database.replaceAll(/[_%\\]/g, (wildcard) => `\\${wildcard}`);
  const seen = await connection.row(
    `SELECT
       (SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ${literal(application.database)}) AS schemas_,
       (SELECT COUNT(*) FROM mysql.user WHERE host = '%' AND user = ${literal(application.user)}) AS users,
       (SELECT COUNT(*) FROM mysql.db WHERE host = '%' AND user = ${literal(application.user)}
          AND db = ${literal(pattern)}) AS grants_`,
  );
  const missing = [
    Number(seen.schemas_) === 0 && `CREATE DATABASE IF NOT EXISTS ${identifier(application.database)}`,
    Number(seen.users) === 0 &&
      `CREATE USER IF NOT EXISTS ${account} IDENTIFIED WITH caching_sha2_password BY ${literal(application.password)}`,
    Number(seen.grants_) === 0 && `GRANT ALL ON ${identifier(pattern)}.* TO ${account}`,
  ].filter((statement) => statement !== false);
  if (missing.length > 0) {
    // read_only stays on: still nobody but Mooring writes.
    await connection.run(['SET GLOBAL super_read_only = OFF', ...missing], deadlineMs);
  }
}
