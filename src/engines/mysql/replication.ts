/**
 * Following a source, and stopping to follow, without losing anything that was acknowledged.
 *
 * Three facts about the server shape this file. CHANGE REPLICATION SOURCE with both threads stopped
 * throws away what was received and not yet applied, so a standby is repointed only while its applier
 * runs. A standby with transactions of its own joins without an error and even acknowledges, so GTID
 * sets are compared before. A receiver that is "Connecting" is not stopped.
 */
import { readFile } from 'node:fs/promises';
import type { Member } from '../../domain/assignment.ts';
import type { Rule } from '../../domain/rules.ts';
import type { Position } from '../../domain/status.ts';
import { messageOf, PlatformError } from '../../lib/errors.ts';
import { until } from '../../lib/wait.ts';
import type { InstanceContext } from '../engine.ts';
import { replicationUser } from './accounts.ts';
import { Connection, endsWithin, errno, isSqlError, literal, type Row } from './connection.ts';
import {
  formatGtidSet,
  type GtidSet,
  isSubset,
  parseGtidSet,
  parseOwnedGtids,
  subtract,
  unionOf,
} from './gtid.ts';

/** How long a source may take until it lets its standbys in: it is often started at the same moment. */
const sourceDeadlineMs = 10_000;
const drainDeadlineMs = 20_000;
/** Stopping a receiver takes 3 ms, or 2 s while it connects to a host that hangs. */
const stopDeadlineMs = 5_000;
/** An applier in the middle of a transaction would defer its stop for a minute. */
const applierGraceMs = 100;

export type ReplicaState = {
  /** Null when this server has never followed or has forgotten whom. */
  source: { host: string; port: number } | null;
  receiver: 'streaming' | 'connecting' | 'stopped';
  receiverError: string | null;
  applierRuns: boolean;
  applierError: string | null;
  /** Received since the last reset of the relay log; complete transactions only. */
  retrieved: string;
};

/** Reads one row of SHOW REPLICA STATUS. */
export function replicaState(row: Row | undefined): ReplicaState {
  const text = (name: string) => String(row?.[name] ?? '');
  const host = text('Source_Host');
  const receiving = text('Replica_IO_Running');
  return {
    source: host === '' ? null : { host, port: Number(row?.Source_Port) },
    receiver:
      receiving === 'Yes' ? 'streaming' : receiving === 'No' || receiving === '' ? 'stopped' : 'connecting',
    receiverError: text('Last_IO_Error') || null,
    applierRuns: text('Replica_SQL_Running') === 'Yes',
    applierError: text('Last_SQL_Error') || null,
    retrieved: text('Retrieved_Gtid_Set').replaceAll('\n', ''),
  };
}

const readReplica = [
  'SHOW REPLICA STATUS',
  `SELECT @@GLOBAL.gtid_executed AS executed, @@GLOBAL.super_read_only AS superReadOnly,
     @@GLOBAL.rpl_semi_sync_replica_enabled AS acknowledges, @@GLOBAL.rpl_semi_sync_source_enabled AS awaitsAcks`,
];

/** Makes this server receive from `source` and apply. Does nothing when it does so already. */
export async function follow(
  connection: Connection,
  context: InstanceContext,
  source: Member,
  rule: Rule,
): Promise<void> {
  const [[status], [variables]] = (await connection.run(readReplica)) as [Row[], Row[]];
  const state = replicaState(status);
  const sameSource = state.source?.host === source.host && state.source.port === source.port;
  const mayAck = rule.ackers.includes(context.identity.instanceId);
  const acks = Number(variables?.acknowledges) === 1;
  if (sameSource && state.receiver !== 'stopped' && state.applierRuns && acks === mayAck) return;

  await becomeStandby(connection, variables ?? {});
  if (state.source !== null) await applyWhatWasReceived(connection, state);
  if (state.source !== null && state.receiver !== 'stopped') await stopThread(connection);
  await refuseDivergence(connection, context, source);

  const acknowledge = `SET GLOBAL rpl_semi_sync_replica_enabled = ${mayAck ? 'ON' : 'OFF'}`;
  const address = `SOURCE_HOST = ${literal(source.host)}, SOURCE_PORT = ${source.port}`;
  if (state.source === null) {
    await connection.run([
      acknowledge,
      `CHANGE REPLICATION SOURCE TO ${address}, SOURCE_USER = ${literal(replicationUser)},
         SOURCE_PASSWORD = ${literal(context.secrets.replicationPassword)},
         SOURCE_SSL = 1, SOURCE_SSL_CA = ${literal(context.files.tls.ca)},
         SOURCE_AUTO_POSITION = 1, REQUIRE_ROW_FORMAT = 1,
         SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 86400, SOURCE_HEARTBEAT_PERIOD = 1`,
      'START REPLICA',
    ]);
    return;
  }
  // Host and port only, with the applier running: anything else purges the relay log or is refused.
  const repoint = sameSource ? [] : [`CHANGE REPLICATION SOURCE TO ${address}`];
  await connection.run([acknowledge, ...repoint, 'START REPLICA IO_THREAD']);
}

/** Stops the receiver and proves it; the position is read afterwards. */
export async function stopReceiver(connection: Connection): Promise<Position> {
  const [rows] = await connection.run(['SHOW REPLICA STATUS'], stopDeadlineMs);
  if (rows?.[0]) await stopThread(connection);
  const [[after], [variables]] = (await connection.run(readReplica)) as [Row[], Row[]];
  const state = replicaState(after);
  if (state.receiver !== 'stopped') {
    throw new PlatformError('conflict', `The receiver is still ${state.receiver} after it was told to stop`);
  }
  return gtidPosition(String(variables?.executed ?? ''), state.retrieved);
}

/** `received` is all that this member holds: what it has executed and what waits in its relay log. */
export function gtidPosition(executed: string, retrieved: string): Position & { kind: 'gtid' } {
  const done = parseGtidSet(executed);
  return {
    kind: 'gtid',
    executed: formatGtidSet(done),
    received: formatGtidSet(unionOf(done, parseGtidSet(retrieved))),
  };
}

/**
 * Stops the applier, at most `applierGraceMs` plus a rollback. In the middle of a transaction whose rest
 * never came, the coordinator is killed; the unfinished transaction was never acknowledged.
 */
export async function stopApplier(connection: Connection, helper: Connection): Promise<void> {
  const stop = connection.run(['STOP REPLICA SQL_THREAD'], 70_000);
  const kill = async () => {
    if (await endsWithin(stop, applierGraceMs)) return;
    const [threads] = await helper.run(['SHOW PROCESSLIST']);
    for (const { Id, User, State } of threads ?? []) {
      if (User !== 'system user' || !String(State).startsWith('Replica has read all relay log')) continue;
      await helper.run([`KILL ${Number(Id)}`]).catch(() => {});
    }
  };
  await Promise.all([stop, kill()]);
}

async function stopThread(connection: Connection): Promise<void> {
  await connection.run(['STOP REPLICA IO_THREAD'], stopDeadlineMs);
}

/** A former leader stops being one; a server whose commits still wait must be killed instead. */
async function becomeStandby(connection: Connection, variables: Row): Promise<void> {
  if (Number(variables.awaitsAcks) === 1) {
    const status = await connection.row("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_source_wait_sessions'");
    if (Number(status.Value) > 0) {
      throw new PlatformError(
        'refused',
        'Commits on this former leader wait for acknowledgements; following now would report them as done',
        { hint: 'Kill the server, remove what was never acknowledged, and start it gated.' },
      );
    }
    await connection.run([
      'SET GLOBAL super_read_only = ON',
      'SET GLOBAL rpl_semi_sync_source_enabled = OFF',
    ]);
  }
  if (Number(variables.superReadOnly) !== 1) await connection.run(['SET GLOBAL super_read_only = ON']);
}

async function applyWhatWasReceived(connection: Connection, state: ReplicaState): Promise<void> {
  if (!state.applierRuns) await connection.run(['START REPLICA SQL_THREAD']);
  const drained = await connection.row(
    `SELECT WAIT_FOR_EXECUTED_GTID_SET(${literal(state.retrieved)}, ${drainDeadlineMs / 1000}) AS timedOut`,
    drainDeadlineMs + 5000,
  );
  const [rows] = await connection.run(['SHOW REPLICA STATUS']);
  const now = replicaState(rows?.[0]);
  if (now.applierRuns) return;
  // Drained and stopped is safe as well, but then a repoint must not rely on it.
  const rest =
    Number(drained.timedOut) === 0 ? 'after all received transactions' : 'with transactions unapplied';
  throw new PlatformError(
    'refused',
    `This standby's applier stopped ${rest}: ${now.applierError ?? 'no reason'}`,
    {
      hint: 'The standby must be rebuilt from the leader.',
    },
  );
}

/** Throws unless all that this server has is also on the source, and the source still has what is missing. */
async function refuseDivergence(
  connection: Connection,
  context: InstanceContext,
  source: Member,
): Promise<void> {
  // Ours first, the source's later: the source can only have gained in between.
  const [[status], [variables]] = (await connection.run(readReplica)) as [Row[], Row[]];
  const ours = unionOf(
    parseGtidSet(String(variables?.executed ?? '')),
    parseGtidSet(replicaState(status).retrieved),
  );
  const theirs = await sourceSets(context, source);
  const errant = subtract(ours, theirs.has);
  if (errant.size > 0) {
    throw new PlatformError(
      'refused',
      `${context.identity.name} has transactions that ${source.name} has not: ${formatGtidSet(errant)}`,
      {
        hint: 'The standby must be repaired or rebuilt before it may follow.',
        context: { source: source.name },
      },
    );
  }
  if (!isSubset(theirs.purged, ours)) {
    throw new PlatformError(
      'refused',
      `${source.name} no longer has the log that ${context.identity.name} needs`,
      {
        hint: 'The standby must be rebuilt from the leader.',
        context: { missing: formatGtidSet(subtract(theirs.purged, ours)) },
      },
    );
  }
}

async function sourceSets(
  { files, secrets }: InstanceContext,
  source: Member,
): Promise<{ has: GtidSet; purged: GtidSet }> {
  const target = {
    host: source.host,
    port: source.port,
    ca: await readFile(files.tls.ca, 'utf8'),
    user: replicationUser,
    password: secrets.replicationPassword,
  };
  const connection = await until(`${source.name} to let its standbys in`, () => Connection.open(target), {
    deadlineMs: sourceDeadlineMs,
    everyMs: 10,
    maxEveryMs: 100,
  }).catch((error) => {
    throw new PlatformError('unavailable', messageOf(error), { cause: error });
  });
  try {
    // Owned before executed: what commits in between is then seen twice, not missed. Owned ones count,
    // because a commit that waits for this very standby is in the source's log and not yet executed.
    const row = await connection.row(
      `SELECT @@GLOBAL.gtid_owned AS owned, @@GLOBAL.gtid_executed AS executed, @@GLOBAL.gtid_purged AS purged`,
    );
    return {
      has: unionOf(parseOwnedGtids(String(row.owned)), parseGtidSet(String(row.executed))),
      purged: parseGtidSet(String(row.purged)),
    };
  } catch (error) {
    if (isSqlError(error, errno.accessDenied)) throw new PlatformError('unavailable', error.message);
    throw error;
  } finally {
    connection.close();
  }
}
