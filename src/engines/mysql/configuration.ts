/**
 * The server's configuration file: a pure function of the instance and its assignment.
 *
 * The file always describes a gated server: no client gets in (offline-mode), nobody writes
 * (super-read-only), no replication starts by itself. What depends on the role is set at run time only.
 * Above all rpl_semi_sync_source_enabled is not here: on a standby it would block the applier.
 */
import { join, relative } from 'node:path';
import type { AckDurability, Assignment } from '../../domain/assignment.ts';
import type { Size } from '../../domain/sizes.ts';
import type { InstanceContext } from '../engine.ts';
import { socketFile, temporaryDirectory } from './paths.ts';

type Settings = Record<string, string | number>;

/** Connections beyond the application's: replication, the agent's own, and a person who looks after it. */
export const reservedConnections = 20;

/**
 * Memory. `small` is measured: about 250 MB resident, of which 190 MB are the floor of the program.
 * Larger sizes give about 60 % to the buffer pool; performance_schema costs 140 MB and is worth it there.
 */
const bySize = {
  small: {
    'performance-schema': 'OFF',
    'innodb-buffer-pool-size': '32M',
    'innodb-redo-log-capacity': '16M',
    'innodb-log-buffer-size': '1M',
    'innodb-page-cleaners': 1,
    'innodb-purge-threads': 1,
    'innodb-read-io-threads': 1,
    'innodb-write-io-threads': 1,
    'innodb-doublewrite-files': 1,
    'innodb-buffer-pool-load-at-startup': 'OFF',
    'innodb-buffer-pool-dump-at-shutdown': 'OFF',
    'table-open-cache': 200,
    'table-definition-cache': 400,
    'thread-cache-size': 8,
    'key-buffer-size': 8,
    'temptable-max-ram': '16M',
    'max-binlog-size': '64M',
    'replica-parallel-workers': 2,
  },
  medium: {
    'performance-schema': 'ON',
    'innodb-buffer-pool-size': '1216M',
    'innodb-redo-log-capacity': '512M',
    'innodb-log-buffer-size': '16M',
    'table-open-cache': 2000,
    'table-definition-cache': 2000,
    'thread-cache-size': 32,
    'temptable-max-ram': '64M',
    'max-binlog-size': '128M',
    'replica-parallel-workers': 4,
  },
  large: {
    'performance-schema': 'ON',
    'innodb-buffer-pool-size': '4864M',
    'innodb-redo-log-capacity': '2G',
    'innodb-log-buffer-size': '32M',
    'table-open-cache': 4000,
    'table-definition-cache': 4000,
    'thread-cache-size': 64,
    'temptable-max-ram': '256M',
    'max-binlog-size': '256M',
    'replica-parallel-workers': 8,
  },
} as const satisfies Record<Size, Settings>;

/**
 * What an acknowledgement survives. A synced relay log is fsynced per event, not per transaction;
 * compression folds a transaction into two events and halves that price.
 */
const byAck = {
  memory: { 'sync-relay-log': 10000 },
  disk: { 'sync-relay-log': 1, 'binlog-transaction-compression': 'ON' },
} as const satisfies Record<AckDurability, Settings>;

const gate: Settings = {
  'offline-mode': 'ON',
  'super-read-only': 'ON',
  'skip-replica-start': 'ON',
};

/** Each is a condition for losing nothing; the reasons are in docs on high availability. */
const durability: Settings = {
  'sync-binlog': 1,
  'innodb-flush-log-at-trx-commit': 1,
  'innodb-flush-method': 'fsync',
  'gtid-mode': 'ON',
  'enforce-gtid-consistency': 'ON',
  'log-bin': 'binlog',
  'log-replica-updates': 'ON',
  'relay-log': 'relay',
  // Recovery of the relay log would discard events that this standby has acknowledged.
  'relay-log-recovery': 'OFF',
  'replica-preserve-commit-order': 'ON',
  'replica-net-timeout': 10,
  // "loose": the plugins that know these are loaded by the lines above them.
  'loose-rpl-semi-sync-source-wait-point': 'AFTER_SYNC',
  'loose-rpl-semi-sync-source-wait-no-replica': 'ON',
  // The maximum, 49 days: never silently asynchronous.
  'loose-rpl-semi-sync-source-timeout': 4294967295,
};

const plugins = ['semisync_source.so', 'semisync_replica.so', 'mysql_clone.so'];

const common: Settings = {
  mysqlx: 'OFF',
  'skip-name-resolve': 'ON',
  'character-set-server': 'utf8mb4',
  'default-time-zone': '+00:00',
  'require-secure-transport': 'OFF',
  // Members and the control plane configure the server; nothing else may be remembered across starts.
  'persisted-globals-load': 'OFF',
  'secure-file-priv': 'NULL',
  // Lets applications import routines and triggers; safe because the log carries rows.
  'loose-log-bin-trust-function-creators': 'ON',
  'max-allowed-packet': '64M',
  'binlog-expire-logs-seconds': 2 * 24 * 3600,
};

export function serverConfiguration(context: InstanceContext, assignment: Assignment): string {
  const { identity, files, size } = context;
  const settings: Settings = {
    datadir: files.data,
    // The server works in its data directory; a relative path keeps the socket under the limit of 107 bytes.
    socket: relative(files.data, socketFile(files)),
    'pid-file': join(files.run, 'mysqld.pid'),
    tmpdir: temporaryDirectory(files),
    'bind-address': identity.host,
    port: identity.port,
    'server-id': identity.ordinal,
    'report-host': identity.host,
    'report-port': identity.port,
    'ssl-ca': files.tls.ca,
    'ssl-cert': files.tls.cert,
    'ssl-key': files.tls.key,
    'max-connections': size.maxConnections + reservedConnections,
    'max-user-connections': size.maxConnections,
    ...common,
    ...gate,
    ...durability,
    ...byAck[assignment.ack],
    ...bySize[size.size],
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${quoted(value)}`);
  return [
    '# Written by Mooring before each start of this server; changes made here are lost.',
    '[mysqld]',
    ...plugins.map((plugin) => `plugin-load-add = ${plugin}`),
    ...lines,
    '',
  ].join('\n');
}

/** An option file knows # as a comment and backslash as an escape; paths may hold either. */
function quoted(value: string | number): string {
  if (typeof value === 'number' || /^[\w./:+-]*$/.test(value)) return String(value);
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** auto.cnf: the server's UUID, and so the origin of its transactions, is the instance's id. */
export function serverIdentity(instanceId: string): string {
  return `[auto]\nserver-uuid=${instanceId}\n`;
}
