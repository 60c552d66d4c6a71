/**
 * The runtime contract: where instances live. `local/` is this host; `kubernetes/` comes later.
 *
 * Every `ensure...` is idempotent and complete: called twice, or after a crash half-way, it ends in
 * the same state. Nothing here decides anything; operations and reconcile loops call it.
 */
import type { Assignment, InstanceIdentity, InstanceSecrets } from '../domain/assignment.ts';
import type { EngineKind } from '../domain/engines.ts';
import type { ForwarderLaunch } from '../domain/forwarder.ts';
import type { Host } from '../domain/hosts.ts';

export type Certificate = { certPem: string; keyPem: string; caPem: string };

export type InstanceLaunch = {
  identity: InstanceIdentity;
  secrets: InstanceSecrets;
  /** The assignment in force when the agent is launched. */
  assignment: Assignment;
  certificate: Certificate;
};

export type { ForwarderLaunch } from '../domain/forwarder.ts';

export type HostCapacity = {
  host: Host;
  memoryFreeMb: number;
  diskFreeGb: number;
  /** Hosts that name the same machine share these numbers; absent: a machine of its own. */
  machine?: string;
};

export type Enforcement = { resource: 'memory' | 'cpu' | 'disk'; enforced: boolean; how: string };

export interface Runtime {
  readonly hosts: Host[];

  /** What is still free, machine-wide where simulated hosts share one machine. */
  capacity(): Promise<HostCapacity[]>;

  /** Which limits of a size the host really enforces, with one sentence each. */
  enforcement(): Promise<Enforcement[]>;

  /**
   * `count` TCP ports that are free on `address` right now and not in `taken`.
   * Throws `refused` with what to do when the range is exhausted.
   */
  freePorts(address: string, count: number, taken: ReadonlySet<number>): Promise<number[]>;

  /** Makes sure that the pack and the template of this version are there. Slow the first time. */
  ensureEngine(engine: EngineKind, version: string, onProgress?: (message: string) => void): Promise<void>;

  /** The instance's volume, copied from the template. Never touches a volume that is complete. */
  ensureVolume(identity: InstanceIdentity): Promise<void>;

  /** The agent's process; adopts one that runs. */
  ensureAgent(launch: InstanceLaunch): Promise<void>;

  /** Whether the agent's process runs. */
  agentRunning(instanceId: string): Promise<boolean>;

  /**
   * Ends agent and server, whatever state they are in. The volume stays. 'clean' lets the agent stop
   * its server as the engine wants it, in bounded time; 'now' ends both at once, which loses nothing
   * and makes the next start longer.
   */
  stopInstance(instanceId: string, how: 'clean' | 'now'): Promise<void>;

  /** Removes volume, files and limits of a stopped instance. */
  removeInstance(instanceId: string): Promise<void>;

  /**
   * The cluster's forwarder. It opens no endpoint before the volumes of these instances are known to be
   * on the disk.
   */
  ensureForwarder(launch: ForwarderLaunch, instanceIds: readonly string[]): Promise<void>;
  forwarderRunning(clusterId: string): Promise<boolean>;

  /** Whether the forwarder itself holds all its addresses; another program may have been faster. */
  forwarderServes(clusterId: string): Promise<boolean>;

  /** Ends the forwarder and frees its ports. */
  stopForwarder(clusterId: string): Promise<void>;

  /** Ids of all instances and forwarders that have files or processes here; finds strays. */
  inventory(): Promise<{ instances: string[]; forwarders: string[] }>;
}
