/** One look at a running server: the query, and what its row means. */
import type { Assignment } from '../../domain/assignment.ts';
import type { DatabaseObservation } from '../../domain/status.ts';
import type { Connection } from './connection.ts';
import { laterLsn } from './lsn.ts';
import { superuser } from './names.ts';

export type ObservationRow = {
  standby: boolean;
  readOnly: boolean;
  primaryTimeline: number | null;
  flushed: string | null;
  timeline: number;
  received: string | null;
  replayed: string | null;
  lagMs: number | null;
  conninfo: string;
  receiverProcess: boolean;
  receiverStatus: string | null;
  senderHost: string | null;
  senderPort: number | null;
  followers: string[];
  connections: number;
};

const statement = `
  SELECT r.standby,
    current_setting('default_transaction_read_only') = 'on' AS "readOnly",
    CASE WHEN NOT r.standby
      THEN ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS "primaryTimeline",
    CASE WHEN NOT r.standby THEN pg_current_wal_flush_lsn()::text END AS flushed,
    greatest(w.received_tli, (pg_control_recovery()).min_recovery_end_timeline,
      (pg_control_checkpoint()).timeline_id) AS timeline,
    pg_last_wal_receive_lsn()::text AS received,
    pg_last_wal_replay_lsn()::text AS replayed,
    CASE WHEN NOT r.standby THEN NULL
      WHEN pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() AND w.status = 'streaming' THEN 0
      ELSE (extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::float8 END AS "lagMs",
    current_setting('primary_conninfo') AS conninfo,
    EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'walreceiver') AS "receiverProcess",
    w.status AS "receiverStatus", w.sender_host AS "senderHost", w.sender_port AS "senderPort",
    ARRAY(SELECT application_name FROM pg_stat_replication WHERE state = 'streaming' ORDER BY 1) AS followers,
    (SELECT count(*)::int FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND usename <> '${superuser}') AS connections
  FROM (SELECT pg_is_in_recovery() AS standby) r LEFT JOIN pg_stat_wal_receiver w ON true`;

export async function observe(
  connection: Connection,
  assignment: Assignment,
  open: boolean,
): Promise<DatabaseObservation> {
  const { rows } = await connection.query<ObservationRow>(statement);
  const row = rows[0];
  if (row === undefined) throw new Error('the server answered an observation with no row');
  return observationOf(row, assignment, open);
}

export function observationOf(
  row: ObservationRow,
  assignment: Assignment,
  open: boolean,
): DatabaseObservation {
  const sourceOf = (host: string | null, port: number | null) =>
    assignment.members.find((member) => member.host === host && member.port === port)?.name ?? host;
  const names = new Set(assignment.members.map((member) => member.name));
  return {
    role: row.standby ? 'standby' : 'primary',
    writable: !row.standby && !row.readOnly,
    open,
    position: row.standby
      ? {
          kind: 'lsn',
          timeline: row.timeline,
          received: laterLsn(row.received, row.replayed) ?? '0/0',
          replayed: row.replayed ?? '0/0',
        }
      : {
          kind: 'lsn',
          timeline: row.primaryTimeline ?? row.timeline,
          received: row.flushed ?? '0/0',
          replayed: row.flushed ?? '0/0',
        },
    receiver: row.standby
      ? {
          state:
            row.receiverStatus === 'streaming'
              ? 'streaming'
              : row.receiverProcess || row.conninfo !== ''
                ? 'connecting'
                : 'stopped',
          source: sourceOf(row.senderHost, row.senderPort),
          error: null,
        }
      : null,
    lagMs: row.lagMs,
    followers: row.followers.filter((name) => names.has(name)),
    connections: row.connections,
  };
}
