/** What operations work with; wired once in main/. Others' implementations appear here as types only. */
import type { AgentClient } from '../agent/contract/client.ts';
import type { EngineKind } from '../domain/engines.ts';
import type { InstanceStatus } from '../domain/status.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Certificate, Runtime } from '../runtimes/runtime.ts';
import type { Store } from '../store/store.ts';
import type { Vault } from '../store/vault.ts';

/** Issues a certificate of the platform CA. The common name of an agent's is its instance id. */
export type Issue = (commonName: string, addresses: string[]) => Promise<Certificate>;

/** The newest statuses, in memory. */
export type StatusView = {
  /** Undefined when the agent has been silent for 3 s or was never heard. */
  fresh(instanceId: string): InstanceStatus | undefined;
  /** Calls back at each report; returns the function that ends it. */
  subscribe(onReport: (clusterId: string) => void): () => void;
  /** Drops what is known of a cluster that is gone. */
  forget(clusterId: string): void;
};

export type OperationSettings = {
  /** How long a deleted cluster's volumes are kept. */
  retentionMs: number;
  /** Where agents push their status: https://127.0.0.1:7611 */
  controllerUrl: string;
  /** The API's address, where forwarders read the topology feed: http://127.0.0.1:7600 */
  feedBaseUrl: string;
  /** The address that endpoints listen on. */
  endpointHost: string;
};

export type OperationContext = {
  store: Store;
  vault: Vault;
  runtime: Runtime;
  issue: Issue;
  agentClient: Pick<AgentClient, 'assign'>;
  /** Key from which feed tokens are derived (lib/feed-token.ts). */
  platformKey: Uint8Array;
  statuses: StatusView;
  /** One attempt to get an answer of the engine through an endpoint; throws while there is none. */
  probe: (engine: EngineKind, host: string, port: number, signal: AbortSignal) => Promise<void>;
  clock: Clock;
  log: Log;
  settings: OperationSettings;
};
