/** Everything that the API needs of the platform, wired once in main/. */
import type { EngineKind } from '../domain/engines.ts';
import type { Host } from '../domain/hosts.ts';
import type { HostRoom } from '../domain/placement.ts';
import type { Log } from '../lib/log.ts';
import type { Store } from '../store/store.ts';
import type { Vault } from '../store/vault.ts';
import type { Infrastructure } from './contract/schemas.ts';
import type { Submissions } from './submissions.ts';

export type ApiContext = {
  log: Log;
  store: Store;
  vault: Vault;
  submissions: Submissions;
  /** Version of this program, for /health. */
  version: string;
  platformId: string;
  /** Bearer token of the command line on the platform's host; acts as administrator `local`. */
  cliToken: string;
  /** Key from which the feed tokens of clusters are derived (lib/feed-token.ts). */
  platformKey: Uint8Array;
  /** PEM of the platform CA, given to people together with their password. */
  caPem: string;
  /** Directory with the built console; undefined or missing: only the API is served. */
  consoleDirectory: string | undefined;
  /** True when people come by https: cookies are then marked Secure. */
  https: boolean;
  /** Failure domains of this installation. */
  hosts: readonly Host[];
  /** What is still free on each host, and which limits are enforced. */
  capacity(): Promise<HostRoom[]>;
  enforcement(): Promise<Infrastructure['enforcement']>;
  /** The pack's client programs, for `moor connect`; null when the pack is not there yet. */
  clientDirectory(engine: EngineKind, version: string): Promise<string | null>;
  /** For tests; the defaults are right otherwise. */
  limits?: Partial<ApiLimits>;
};

export type ApiLimits = {
  bodyBytes: number;
  /** Unread bytes after which a client of an event stream is disconnected. */
  streamBufferBytes: number;
  heartbeatMs: number;
  /** Open event streams of the whole process. */
  streams: number;
  /** Log-ins per minute and address. */
  loginsPerMinute: number;
};

export const defaultLimits: ApiLimits = {
  bodyBytes: 1024 * 1024,
  streamBufferBytes: 256 * 1024,
  heartbeatMs: 15_000,
  streams: 2_000,
  loginsPerMinute: 60,
};
