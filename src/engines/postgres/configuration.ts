/**
 * The server's configuration, in two files that are both written completely before each start.
 *
 * postgresql.conf holds what follows from the instance's identity and size. postgresql.auto.conf holds
 * the few settings that change while the server runs (rule, source, read-only), by ALTER SYSTEM. Both
 * must be rewritten each time, because pg_rewind and pg_basebackup copy another member's.
 *
 * fsync, full_page_writes and wal_sync_method are deliberately absent: their defaults are the durable ones.
 */
import { join, relative } from 'node:path';
import type { Member } from '../../domain/assignment.ts';
import type { InstanceContext } from '../engine.ts';
import { replicationUser } from './names.ts';

export type Settings = Record<string, string>;

/** A settings file; strings are quoted, with the two characters that the server's scanner interprets. */
export function settingsFile(settings: Settings): string {
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name} = '${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`,
  );
  return `# Written by the agent; changes are overwritten.\n${lines.join('\n')}\n`;
}

/** The settings that ALTER SYSTEM left behind: the server writes one per line, in the form above. */
export function parseSettingsFile(text: string): Settings {
  const settings: Settings = {};
  for (const line of text.split('\n')) {
    const match = /^\s*([a-z_.]+)\s*=\s*'(.*)'\s*$/.exec(line);
    if (match === null) continue;
    settings[String(match[1])] = String(match[2]).replaceAll("''", "'").replaceAll('\\\\', '\\');
  }
  return settings;
}

export function replicationPassfile(context: InstanceContext): string {
  return join(context.files.home, 'replication.pgpass');
}

export function passfileLine(user: string, password: string): string {
  const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll(':', '\\:');
  return `*:*:*:${escaped(user)}:${escaped(password)}\n`;
}

/** How this standby reaches `source`. The password stands in a file, never here or in argv. */
export function primaryConninfo(context: InstanceContext, source: Member): string {
  const parts = {
    host: source.host,
    port: String(source.port),
    user: replicationUser,
    passfile: replicationPassfile(context),
    application_name: context.identity.name,
    sslmode: 'verify-ca',
    sslrootcert: join(context.files.data, 'ca.crt'),
    gssencmode: 'disable',
    connect_timeout: '5',
  };
  return Object.entries(parts)
    .map(([key, value]) => `${key}='${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`)
    .join(' ');
}

/** Connections beyond the size's own: the agent's sessions and those of repairs. */
const agentConnections = 6;

export function serverSettings(context: InstanceContext): Settings {
  const { identity, size, files } = context;
  const mb = (value: number) => `${Math.max(1, Math.floor(value))}MB`;
  return {
    cluster_name: identity.name,
    listen_addresses: identity.host,
    port: String(identity.port),
    // Relative to the data directory, because a socket's path may have only 107 bytes.
    unix_socket_directories: relative(files.data, files.run),
    unix_socket_permissions: '0700',
    max_connections: String(size.maxConnections + agentConnections),
    superuser_reserved_connections: String(agentConnections),
    authentication_timeout: '10s',
    password_encryption: 'scram-sha-256',
    ssl: 'on',
    ssl_cert_file: 'server.crt',
    ssl_key_file: 'server.key',
    ssl_min_protocol_version: 'TLSv1.2',

    shared_buffers: mb(size.memoryMb / 4),
    effective_cache_size: mb(size.memoryMb / 2),
    work_mem: mb(Math.min(64, size.memoryMb / 4 / Math.max(20, size.maxConnections / 4))),
    maintenance_work_mem: mb(size.memoryMb / 16),
    huge_pages: 'off',
    jit: 'off',
    max_worker_processes: '8',
    max_parallel_workers: String(Math.max(2, size.cpus)),
    max_parallel_workers_per_gather: String(Math.min(2, size.cpus)),
    random_page_cost: '1.1',

    wal_level: 'replica',
    wal_log_hints: 'on',
    synchronous_commit: 'on',
    min_wal_size: '64MB',
    max_wal_size: mb(Math.min(4096, (size.diskGb * 1024) / 10)),
    wal_keep_size: '64MB',
    // A standby that is away for longer is rebuilt; keeping more would fill the primary's volume.
    max_slot_wal_keep_size: mb((size.diskGb * 1024) / 5),
    checkpoint_timeout: '10min',
    checkpoint_completion_target: '0.9',
    max_wal_senders: '12',
    max_replication_slots: '12',
    wal_sender_timeout: '10s',

    hot_standby: 'on',
    // A vote must not hang behind a query: replay waits for readers this long at most.
    max_standby_streaming_delay: '5s',
    wal_receiver_status_interval: '1s',
    wal_receiver_timeout: '10s',
    // A standby that comes up before its primary tries again after this time.
    wal_retrieve_retry_interval: '100ms',
    recovery_target_timeline: 'latest',
    hot_standby_feedback: 'off',

    // The agent restarts the server, gated; the server must never come back by itself.
    restart_after_crash: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    log_destination: 'stderr',
    logging_collector: 'off',
    log_line_prefix: '%m [%p] %q%u@%d ',
    log_checkpoints: 'off',
    track_commit_timestamp: 'off',
  };
}
