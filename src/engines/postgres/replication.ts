/** A standby's source: following one, and provably following none. */
import type { Member } from '../../domain/assignment.ts';
import type { Position } from '../../domain/status.ts';
import { codeOf, PlatformError } from '../../lib/errors.ts';
import { until } from '../../lib/wait.ts';
import type { InstanceContext } from '../engine.ts';
import { primaryConninfo } from './configuration.ts';
import { type Connection, connectForReplication } from './connection.ts';
import { divergence, laterLsn, parseTimelineHistory, type WalPosition } from './lsn.ts';
import { slotName } from './names.ts';
import { alterSystem } from './settings.ts';

export async function follow(
  context: InstanceContext,
  connection: Connection,
  source: Member,
): Promise<void> {
  const { rows } = await connection.query<{ standby: boolean; conninfo: string; slot: string }>(
    `SELECT pg_is_in_recovery() AS standby, current_setting('primary_conninfo') AS conninfo,
            current_setting('primary_slot_name') AS slot`,
  );
  const now = rows[0];
  if (now === undefined || !now.standby) {
    throw new PlatformError(
      'conflict',
      'This server is a primary; it has to be restarted as a standby first',
    );
  }
  const wanted = primaryConninfo(context, source);
  const slot = slotName(context.identity.name);
  if (now.conninfo === wanted && now.slot === slot) return;
  await assertNotDiverged(context, connection, source);
  await alterSystem(connection, { primary_slot_name: slot, primary_conninfo: wanted });
}

/** A standby that holds WAL which its source lacks would acknowledge what the group has never decided. */
async function assertNotDiverged(
  context: InstanceContext,
  connection: Connection,
  source: Member,
): Promise<void> {
  const remote = await connectForReplication(context, source);
  try {
    const identified = await remote.query<{ systemid: string; timeline: number; xlogpos: string }>(
      'IDENTIFY_SYSTEM',
    );
    const there = identified.rows[0];
    if (there === undefined) throw new Error('the source did not identify itself');
    if (there.systemid !== context.identity.systemId) {
      throw new PlatformError('refused', `${source.name} belongs to another group`);
    }
    const own = await walPosition(connection);
    const timeline = Number(there.timeline);
    const history =
      own.timeline < timeline
        ? await remote.query<{ content: Buffer | string }>(`TIMELINE_HISTORY ${timeline}`)
        : undefined;
    const problem = divergence(
      own,
      { timeline, lsn: there.xlogpos },
      parseTimelineHistory(String(history?.rows[0]?.content ?? '')),
    );
    if (problem === undefined) return;
    throw new PlatformError('refused', `${context.identity.name} cannot follow ${source.name}: ${problem}`, {
      hint: 'Repair it with pg_rewind, or rebuild it',
    });
  } finally {
    remote.end();
  }
}

/**
 * Stops receiving, and proves it. Emptying primary_conninfo is also the fence that outlives a restart,
 * but the running receiver ends only when replay next waits for WAL, which a blocked replay never does.
 * So it is ended by a signal; it is not started again, because it has no source any more. A receiver
 * that is still connecting shows no row in pg_stat_wal_receiver, so its process is looked for as well.
 */
export async function stopReceiver(connection: Connection): Promise<Position> {
  const standby = await connection.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
  if (standby.rows[0]?.standby !== true) {
    throw new PlatformError('conflict', 'This server is a primary; it has no receiver to stop');
  }
  await alterSystem(connection, { primary_conninfo: '', restore_command: '' });
  let looks = 0;
  let absent = 0;
  await until(
    'the receiver to stop',
    async () => {
      looks += 1;
      const pids = await receivers(connection);
      absent = pids.length === 0 ? absent + 1 : 0;
      // Give the reload a moment to end it in its own way first.
      if (looks >= 4) pids.forEach(terminate);
      // Twice, so that one that was just being started is not missed.
      return absent >= 2;
    },
    { deadlineMs: 5000, everyMs: 3, maxEveryMs: 10 },
  );
  const position = await walPosition(connection);
  const replayed = await connection.query<{ lsn: string | null }>(
    'SELECT pg_last_wal_replay_lsn()::text AS lsn',
  );
  return {
    kind: 'lsn',
    timeline: position.timeline,
    received: position.lsn,
    replayed: replayed.rows[0]?.lsn ?? '0/0',
  };
}

async function receivers(connection: Connection): Promise<number[]> {
  const { rows } = await connection.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_wal_receiver UNION SELECT pid FROM pg_stat_activity WHERE backend_type = 'walreceiver'`,
  );
  return rows.map((row) => row.pid).filter((pid) => pid > 1);
}

/** pg_terminate_backend does not take a receiver for a backend, so the signal comes from here. */
function terminate(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

async function walPosition(connection: Connection): Promise<WalPosition> {
  const { rows } = await connection.query<{
    timeline: number;
    received: string | null;
    replayed: string | null;
  }>(
    `SELECT greatest((SELECT received_tli FROM pg_stat_wal_receiver), (pg_control_recovery()).min_recovery_end_timeline,
              (pg_control_checkpoint()).timeline_id) AS timeline,
            pg_last_wal_receive_lsn()::text AS received, pg_last_wal_replay_lsn()::text AS replayed`,
  );
  const row = rows[0];
  return {
    timeline: row?.timeline ?? 0,
    lsn: laterLsn(row?.received ?? null, row?.replayed ?? null) ?? '0/0',
  };
}
