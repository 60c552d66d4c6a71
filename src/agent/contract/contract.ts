/**
 * The agent contract. The agent serves HTTPS (mutual TLS, certificates of the platform CA) on its
 * host's address; it pushes its status to the controller every 500 ms and at once on change.
 *
 *   controller -> agent
 *     GET  /v1/status                        -> InstanceStatus
 *     PUT  /v1/assignment   Assignment       -> { generation, promisedTerm }      409 stale
 *     POST /v1/promise      PromiseRequest   -> PromiseReply                      409 stale
 *   agent -> controller
 *     POST /agent/v1/status InstanceStatus   -> 204
 *
 * Every mutating call carries a term and is refused (409, problem details, `promisedTerm`) when the
 * agent has promised a newer one. An assignment whose generation is older than the one held is refused
 * likewise; the same generation again is answered 200 and changes nothing.
 *
 * Schemas are in schemas.ts beside this file, the client in client.ts.
 */
import type { Position } from '../../domain/status.ts';

/** Recruits the instance for a new term: it stops receiving and refuses older terms from now on. */
export type PromiseRequest = { term: number; coordinator: string; round: number };

export type PromiseReply = {
  promisedTerm: number;
  /** The term promised before this call. */
  previousTerm: number;
  /** Read after the receiver had provably stopped. Null when the server is down. */
  position: Position | null;
};

/** What the agent remembers over any crash; written with fsync before the reply that relies on it. */
export type PromiseRecord = {
  term: number;
  coordinator: string | null;
  round: number;
  /** The rule in force before the promise: what the next coordinator must revoke. */
  outgoingRule: import('../../domain/rules.ts').Rule | null;
  /** Position below which this instance must not vote after a rewind (PostgreSQL). */
  rewindFloor: string | null;
  /** Highest position known to have been received. */
  highestReceived: Position | null;
};

/** The file that starts an agent: `node agent.mjs run --home DIR` reads DIR/agent.json. */
export type AgentLaunch = {
  identity: import('../../domain/assignment.ts').InstanceIdentity;
  secrets: import('../../domain/assignment.ts').InstanceSecrets;
  pack: import('../../domain/packs.ts').Pack;
  /** Used only when the agent holds no newer assignment of its own. */
  assignment: import('../../domain/assignment.ts').Assignment;
  controllerUrl: string;
};
