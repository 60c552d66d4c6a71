/**
 * What the API asks of the operations room: check a request, write intent and operation in one
 * transaction. Who may ask is decided before, here in the API; whether it is possible, there.
 */
import type { ClusterRow } from '../store/clusters.ts';
import type { NamedOperation } from '../store/operations.ts';
import type { TeamRow } from '../store/teams.ts';
import type { ClusterInput } from './contract/schemas.ts';

export type Submitted = { clusterId: string; operationId: string };

/** All throw PlatformError: `invalid`, `refused` (quota, topology, room) or `conflict` (taken, busy). */
export type Submissions = {
  create(actor: string, team: TeamRow, input: ClusterInput): Promise<Submitted>;
  /** Without `instance`: all, one after the other. */
  restart(actor: string, cluster: ClusterRow, instance: string | undefined): Promise<Submitted>;
  /** `confirm` must be the cluster's name. */
  delete(actor: string, cluster: ClusterRow, confirm: string, purge: boolean): Promise<Submitted>;
  undelete(actor: string, cluster: ClusterRow): Promise<Submitted>;
  cancel(actor: string, operation: NamedOperation): Promise<void>;
};
