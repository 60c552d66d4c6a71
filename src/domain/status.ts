/** What an agent observes and pushes every 500 ms, and at once when something changes. */

/**
 * Where the agent is with its server. `gated`: the server runs and lets nobody in but the agent and
 * replication. `proving`: a leader waits for the quorum acknowledgement that its term still holds.
 */
export type InstancePhase =
  | 'preparing'
  | 'starting'
  | 'gated'
  | 'proving'
  | 'open'
  | 'stopping'
  | 'stopped'
  | 'crashed' // the server is down and will be started again at nextStartAt
  | 'failed'; // the agent cannot go on by itself; `why` says what a person must do

export type Position =
  | { kind: 'gtid'; executed: string; received: string }
  | { kind: 'lsn'; timeline: number; received: string; replayed: string };

/** What the database itself says. */
export type DatabaseObservation = {
  role: 'primary' | 'standby';
  /** Clients may write here (a leader after its marker). */
  writable: boolean;
  /** Clients may connect. */
  open: boolean;
  position: Position;
  receiver: {
    state: 'streaming' | 'connecting' | 'stopped';
    source: string | null;
    error: string | null;
  } | null;
  /** Milliseconds that this standby's data is behind its source; null on a primary or when unknown. */
  lagMs: number | null;
  /** Standbys that stream from here and can acknowledge; instance names. */
  followers: string[];
  connections: number;
};

export type ServerExit = { code: number | null; signal: string | null; at: number };

export type InstanceStatus = {
  clusterId: string;
  instanceId: string;
  /** A new value for each life of the agent process. */
  agentBootId: string;
  /** Grows by one with each report of this life. */
  sequence: number;
  /** Agent's wall clock, ms since 1970; for people. */
  at: number;
  phase: InstancePhase;
  /** One sentence: why the instance is in this phase. */
  why: string;
  promisedTerm: number;
  /** Generation of the assignment that the agent has taken over; 0 before the first. */
  generation: number;
  /** Generation to which the server has fully converged. */
  convergedGeneration: number;
  /** restartCount of the assignment that has been carried out. */
  restartsDone: number;
  server: {
    pid: number | null;
    startedAt: number | null;
    /** Starts of the server after an exit that nobody asked for, in this life of the volume. */
    unplannedRestarts: number;
    lastExit: ServerExit | null;
    nextStartAt: number | null;
    version: string | null;
    residentBytes: number | null;
  };
  database: DatabaseObservation | null;
  /** The leader's heartbeat write, which a quorum must acknowledge. Null on standbys. */
  quorumProbe: { lastAckAt: number | null; lastLatencyMs: number | null; waitingMs: number } | null;
  fsync: { lastMs: number | null; pendingMs: number };
  volume: { usedBytes: number; sizeBytes: number; freeBytes: number; full: boolean };
};
