/** What one server says about itself, in one round trip, translated into the platform's words. */
import type { Assignment, Member } from '../../domain/assignment.ts';
import type { DatabaseObservation } from '../../domain/status.ts';
import { platformSchema } from './accounts.ts';
import type { Connection, Row } from './connection.ts';
import { isSubset, parseGtidSet } from './gtid.ts';
import { gtidPosition, type ReplicaState, replicaState } from './replication.ts';

/** A server that is asked every 500 ms and does not answer this long hangs. */
const observeDeadlineMs = 3000;

const questions = [
  'SHOW REPLICA STATUS',
  'SHOW REPLICAS',
  "SHOW GLOBAL STATUS LIKE 'Threads_connected'",
  `SELECT @@GLOBAL.gtid_executed AS executed, @@GLOBAL.read_only AS readOnly, @@GLOBAL.offline_mode AS offline,
     (SELECT TIMESTAMPDIFF(MICROSECOND, MAX(at), NOW(6)) FROM ${platformSchema}.heartbeat) AS heartbeatAge`,
];

/** `ownConnections` are the agent's, which do not count as use. */
export async function observe(
  connection: Connection,
  assignment: Assignment,
  ownConnections: number,
): Promise<DatabaseObservation> {
  const [replicaRows, followerRows, threadRows, variableRows] = await connection.run(
    questions,
    observeDeadlineMs,
  );
  const variables = variableRows?.[0] ?? {};
  const replica = replicaState(replicaRows?.[0]);
  const writable = Number(variables.readOnly) === 0;
  const role = roleOf(writable, replica, assignment);
  const followers = followerRows ?? [];
  const position = gtidPosition(String(variables.executed ?? ''), replica.retrieved);
  const threads = Number(threadRows?.[0]?.Value ?? 0);
  return {
    role,
    writable,
    open: Number(variables.offline) === 0,
    position,
    receiver: role === 'primary' ? null : receiverOf(replica, assignment.members),
    lagMs: role === 'primary' ? null : lagOf(replica, position.executed, variables.heartbeatAge),
    followers: followers.map((row) => followerName(row, assignment.members)).sort(),
    connections: Math.max(0, threads - ownConnections - followers.length),
  };
}

/** A server that has never followed and does not write yet is what it is meant to be. */
function roleOf(writable: boolean, replica: ReplicaState, assignment: Assignment): 'primary' | 'standby' {
  if (writable) return 'primary';
  if (replica.source && (replica.receiver !== 'stopped' || replica.applierRuns)) return 'standby';
  return assignment.role === 'leader' ? 'primary' : 'standby';
}

function receiverOf(replica: ReplicaState, members: Member[]): DatabaseObservation['receiver'] {
  const { source } = replica;
  const member = source && members.find(({ host, port }) => host === source.host && port === source.port);
  return {
    state: replica.receiver,
    source: member?.name ?? (source ? `${source.host}:${source.port}` : null),
    error: replica.receiverError ?? replica.applierError,
  };
}

/** Nothing while all that streams in is applied; else the age of the newest heartbeat that has arrived. */
function lagOf(replica: ReplicaState, executed: string, heartbeatAge: unknown): number | null {
  const caughtUp = isSubset(parseGtidSet(replica.retrieved), parseGtidSet(executed));
  if (replica.receiver === 'streaming' && replica.applierRuns && caughtUp) return 0;
  if (heartbeatAge === null || heartbeatAge === undefined) return null;
  return Math.max(0, Math.round(Number(heartbeatAge) / 1000));
}

/** A standby's server UUID is its instance id. */
function followerName(row: Row, members: Member[]): string {
  const uuid = String(row.Replica_UUID ?? '').toLowerCase();
  return (
    members.find((member) => member.instanceId.toLowerCase() === uuid)?.name ?? `${row.Host}:${row.Port}`
  );
}
