/**
 * The engine contract: everything that the agent needs to know about one kind of database.
 *
 * A driver turns intent into that database's own commands and nothing else: when to do what, under
 * which term, and what to do on failure is the agent's. Every method is idempotent, so that an agent
 * that was killed half-way simply does it again. Times are milliseconds, sizes bytes.
 */
import type { Assignment, InstanceIdentity, InstanceSecrets, Member } from '../domain/assignment.ts';
import type { EngineKind } from '../domain/engines.ts';
import type { Pack } from '../domain/packs.ts';
import type { Rule } from '../domain/rules.ts';
import type { SizeOffer } from '../domain/sizes.ts';
import type { DatabaseObservation, Position } from '../domain/status.ts';
import type { Log } from '../lib/log.ts';

/** Absolute paths. `home` is the agent's working directory; sockets are short paths relative to it. */
export type InstanceFiles = {
  home: string;
  /** What the volume's size applies to; the data directory is volume/data. */
  volume: string;
  data: string;
  /** Sockets and pid files; emptied at each start of the server. */
  run: string;
  log: string;
  tls: { ca: string; cert: string; key: string };
};

export type InstanceContext = {
  identity: InstanceIdentity;
  secrets: InstanceSecrets;
  size: SizeOffer;
  files: InstanceFiles;
  pack: Pack;
  log: Log;
};

export type ServerCommand = {
  file: string;
  args: string[];
  env: Record<string, string>;
  /** Asks the server to stop cleanly. Only sent when `quiesce` answered 'quiet'. */
  stopSignal: 'SIGTERM' | 'SIGINT';
};

export interface EngineDriver {
  readonly kind: EngineKind;

  /**
   * Makes a pre-initialised data directory at `dir` (which does not exist yet) that every new
   * instance of this version is copied from. It holds no password, key or identity.
   */
  buildTemplate(dir: string, pack: Pack, log: Log): Promise<void>;

  /**
   * Before each start of the server: writes its configuration and, on the first start, gives the
   * copied template its own identity. The server that starts with it is gated: it lets in nobody but
   * the agent and replication, and a leader takes no writes.
   */
  prepare(context: InstanceContext, assignment: Assignment): Promise<void>;

  command(context: InstanceContext): ServerCommand;

  /** One attempt to open the agent's own session over the local socket; throws while there is none. */
  connect(context: InstanceContext): Promise<DatabaseSession>;
}

/** The agent's session on its running server. A lost session throws; the agent connects again. */
export interface DatabaseSession {
  readonly serverVersion: string;

  observe(assignment: Assignment): Promise<DatabaseObservation>;

  /**
   * The accounts that Mooring itself needs (administration, replication), before anybody follows.
   * Leaves no transaction that another member lacks.
   */
  provisionPlatform(assignment: Assignment): Promise<void>;

  /** Puts the rule's quorum in force: from now on no commit is acknowledged by fewer than k. */
  enforceRule(rule: Rule, members: Member[]): Promise<void>;

  /**
   * Proves that this leader's term still holds: a transaction that k ackers acknowledge. The first
   * time in a term it is the term's marker, read back afterwards; later a heartbeat. Waits for as
   * long as the quorum does not answer; the signal ends the wait, not the transaction.
   */
  prove(rule: Rule, signal: AbortSignal): Promise<void>;

  /** Leader, proven: the application's database and account, idempotent. */
  provisionApplication(): Promise<void>;

  /** Leader: takes writes from clients. */
  allowWrites(): Promise<void>;
  /** Leader: refuses writes, for example because the volume is full. Must not wait for anybody. */
  refuseWrites(): Promise<void>;

  /** Standby: receives from this member, and applies. Refuses to follow where it would diverge. */
  follow(source: Member, rule: Rule): Promise<void>;

  /** Standby: stops receiving, proves it, and returns the position read after the stop. */
  stopReceiver(): Promise<Position>;

  /** Lets clients in. */
  open(): Promise<void>;
  /** Cuts clients off at once, without an OK to anything that waits for an acknowledgement. */
  close(): Promise<void>;

  /** Leader: one write that a quorum must acknowledge; returns its latency in ms. */
  heartbeat(signal: AbortSignal): Promise<number>;

  /**
   * Before a clean stop: clients are off and running commits have ended. 'waiting' means that
   * commits wait for acknowledgements, so that only SIGKILL is honest.
   */
  quiesce(deadlineMs: number): Promise<'quiet' | 'waiting'>;

  /** Ends the agent's own connections; never stops the server. */
  end(): Promise<void>;
}
