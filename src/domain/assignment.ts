/**
 * What an instance should be. Intent (the cluster's spec), decision (this) and observation (status)
 * are three different things and are stored apart.
 *
 * An assignment is immutable. The control plane replaces it by compare-and-set on the generation; the
 * agent converges to it and refuses an older generation or a term below the one it has promised.
 */
import type { EngineKind } from './engines.ts';
import type { Rule } from './rules.ts';
import type { Size } from './sizes.ts';

/** One member of a group, as its peers reach it. */
export type Member = { instanceId: string; name: string; host: string; port: number; zone: string };

/** What an acknowledgement survives: the standby's memory, or its disk as well. */
export type AckDurability = 'memory' | 'disk';

export type Assignment = {
  instanceId: string;
  /** Grows by one with each replacement, per instance. */
  generation: number;
  term: number;
  role: 'leader' | 'standby';
  /** 'stopped' is for a deleted cluster whose volume is kept. */
  run: 'running' | 'stopped';
  rule: Rule;
  /** All members of the group, this one among them. */
  members: Member[];
  ack: AckDurability;
  /** Grows when somebody asks for a restart; the agent restarts the server once for each value. */
  restartCount: number;
};

/** What never changes in an instance's life; handed to the agent when it is started. */
export type InstanceIdentity = {
  clusterId: string;
  clusterName: string;
  groupId: string;
  instanceId: string;
  /** orders-1 */
  name: string;
  /** 1, 2, ...: MySQL's server_id within the group, and the order of names. */
  ordinal: number;
  engine: EngineKind;
  version: string;
  size: Size;
  zone: string;
  host: string;
  port: number;
  agentPort: number;
  /** UUID under which term markers are written into the database's own log, one per group. */
  markerUuid: string;
  /** The unsigned 64-bit number, in decimal, that makes this group's WAL its own (PostgreSQL). */
  systemId: string;
};

/** Accounts of one cluster. Kept encrypted in the store and in a 0600 file beside the agent. */
export type InstanceSecrets = {
  adminPassword: string;
  replicationPassword: string;
  application: { user: string; password: string; database: string };
};
