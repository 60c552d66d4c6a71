/**
 * One sentence that says how a cluster is and why, computed from intent, decision and observation.
 * The same function feeds the API, the console and the CLI, so that they can never disagree.
 */
import type { InstanceStatus } from './status.ts';

/** What has been decided about a cluster's life; stored. */
export type Lifecycle = 'creating' | 'active' | 'deleting' | 'deleted' | 'undeleting' | 'purging' | 'failed';

/** What people see. */
export type ClusterState =
  | 'creating'
  | 'ready'
  | 'degraded' // serves, but with less redundancy than promised
  | 'unavailable' // does not take writes now
  | 'deleting'
  | 'deleted'
  | 'failed';

export type MemberView = {
  instanceId: string;
  name: string;
  role: 'primary' | 'standby';
  zone: string;
  /** Undefined when no agent has reported within the last 3 s (or never). */
  status: InstanceStatus | undefined;
};

export type Health = {
  state: ClusterState;
  /** First sentence: the cluster. Then one per member that is not as it should be. */
  explain: string[];
};
