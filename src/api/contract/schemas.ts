/**
 * Everything that crosses the API, as schemas. The server validates with them, OpenAPI is generated
 * from them, and the clients (CLI, console, forwarder) are typed by them. Times are ISO 8601 strings.
 */
import { z } from 'zod';

export { finalStates } from '../../domain/operations.ts';

export const Engine = z.enum(['mysql', 'postgres']);
export const TopologyName = z.enum(['single', '1+1', '1+2', '1+3']);
export const SizeName = z.enum(['small', 'medium', 'large']);

/** RFC 9457 problem details. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  kind: z.string(),
  hint: z.string().optional(),
  fields: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  requestId: z.string(),
});
export type Problem = z.infer<typeof Problem>;

// People -------------------------------------------------------------------------------------------

export const Credentials = z.object({
  user: z.string().min(1).max(100),
  password: z.string().min(1).max(200),
});
export const Me = z.object({
  user: z.string(),
  administrator: z.boolean(),
  mustChangePassword: z.boolean(),
  teams: z.array(z.object({ name: z.string(), role: z.enum(['owner', 'member', 'viewer']) })),
  /** To be sent as X-CSRF-Token with every mutating call of a cookie session; null for tokens. */
  csrfToken: z.string().nullable(),
});
export type Me = z.infer<typeof Me>;
export const PasswordChange = z.object({
  currentPassword: z.string().min(1).max(200),
  newPassword: z.string().min(12).max(200),
});
export const Quota = z.object({
  clusters: z.number().int().min(0),
  instances: z.number().int().min(0),
  memoryMb: z.number().int().min(0),
  diskGb: z.number().int().min(0),
});
export type Quota = z.infer<typeof Quota>;
export const Team = z.object({
  name: z.string(),
  quota: Quota,
  used: Quota,
  members: z.array(z.object({ user: z.string(), role: z.enum(['owner', 'member', 'viewer']) })),
});
export type Team = z.infer<typeof Team>;
export const TeamInput = z.object({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,38}$/),
  quota: Quota.optional(),
});
export const UserInput = z.object({
  name: z.string().regex(/^[a-z][a-z0-9._-]{0,38}$/),
  administrator: z.boolean().default(false),
});
export const UserCreated = z.object({ user: z.string(), initialPassword: z.string() });
export const User = z.object({ user: z.string(), administrator: z.boolean(), createdAt: z.string() });
export const TokenInput = z.object({
  name: z.string().min(1).max(60),
  expiresInDays: z.number().int().min(1).max(3650).optional(),
});
export const Token = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: z.string(),
  lastUsedAt: z.string().nullable(),
  expiresAt: z.string().nullable(),
});
export type Token = z.infer<typeof Token>;
export const TokenCreated = Token.extend({ token: z.string() });
export const AuditEntry = z.object({
  /** To be given as `before` for the next page. */
  id: z.string(),
  at: z.string(),
  actor: z.string(),
  action: z.string(),
  object: z.string(),
  outcome: z.enum(['allowed', 'refused', 'failed']),
  address: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

// Catalogue ----------------------------------------------------------------------------------------

export const Catalogue = z.object({
  engines: z.array(
    z.object({
      kind: Engine,
      label: z.string(),
      defaultVersion: z.string(),
      versions: z.array(z.object({ version: z.string(), label: z.string() })),
    }),
  ),
  topologies: z.array(
    z.object({
      topology: TopologyName,
      instances: z.number().int(),
      standbys: z.number().int(),
      k: z.number().int(),
      /** What the loss of it leaves the data intact: the console and CLI show it on the card. */
      survives: z.array(z.enum(['process', 'host', 'zone'])),
      /** False when this installation's zones cannot carry it, with the reason. */
      possible: z.boolean(),
      reason: z.string().nullable(),
    }),
  ),
  sizes: z.array(
    z.object({
      size: SizeName,
      memoryMb: z.number().int(),
      maxConnections: z.number().int(),
      diskGb: z.number().int(),
      cpus: z.number(),
    }),
  ),
  zones: z.array(z.object({ zone: z.string(), region: z.string(), hosts: z.number().int() })),
});
export type Catalogue = z.infer<typeof Catalogue>;

// Clusters -----------------------------------------------------------------------------------------

export const ClusterInput = z.object({
  engine: z.string(),
  name: z.string(),
  version: z.string().optional(),
  topology: z.string().optional(),
  size: z.string().optional(),
  team: z.string().optional(),
  ack: z.enum(['memory', 'disk']).optional(),
});
export type ClusterInput = z.infer<typeof ClusterInput>;

export const ClusterState = z.enum([
  'creating',
  'ready',
  'degraded',
  'unavailable',
  'deleting',
  'deleted',
  'failed',
]);

export const Endpoint = z.object({
  host: z.string(),
  port: z.number().int(),
  /** Without the password: mysql://orders@127.0.0.1:21000/orders */
  url: z.string(),
});

export const Instance = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(['primary', 'standby']),
  zone: z.string(),
  hostId: z.string(),
  host: z.string(),
  port: z.number().int(),
  /** Phase of the agent, or "unreachable" when nothing was heard for 3 s. */
  state: z.string(),
  why: z.string(),
  writable: z.boolean(),
  receiver: z.string().nullable(),
  lagMs: z.number().nullable(),
  position: z.string().nullable(),
  connections: z.number().int().nullable(),
  residentBytes: z.number().nullable(),
  diskUsedBytes: z.number().nullable(),
  diskSizeBytes: z.number().nullable(),
  unplannedRestarts: z.number().int(),
  lastExit: z.string().nullable(),
  pid: z.number().int().nullable(),
  quorumProbe: z
    .object({ lastAckAt: z.string().nullable(), lastLatencyMs: z.number().nullable(), waitingMs: z.number() })
    .nullable(),
});
export type Instance = z.infer<typeof Instance>;

export const OperationSummary = z.object({
  id: z.string(),
  kind: z.enum(['create', 'restart', 'delete', 'undelete', 'purge']),
  cluster: z.string(),
  actor: z.string(),
  state: z.enum(['pending', 'running', 'waiting', 'cancelling', 'done', 'failed', 'cancelled']),
  plan: z.array(
    z.object({
      name: z.string(),
      title: z.string(),
      state: z.enum(['pending', 'running', 'done', 'failed', 'undone']),
      startedAt: z.string().nullable(),
      finishedAt: z.string().nullable(),
    }),
  ),
  waitingFor: z.string().nullable(),
  error: z.object({ kind: z.string(), message: z.string(), hint: z.string().optional() }).nullable(),
  deadline: z.string(),
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  finishedAt: z.string().nullable(),
});
export type OperationSummary = z.infer<typeof OperationSummary>;

export const Cluster = z.object({
  id: z.string(),
  name: z.string(),
  team: z.string(),
  engine: Engine,
  version: z.string(),
  topology: TopologyName,
  size: SizeName,
  ack: z.enum(['memory', 'disk']),
  state: ClusterState,
  explain: z.array(z.string()),
  endpoints: z.object({ readWrite: Endpoint, readOnly: Endpoint }).nullable(),
  account: z.object({ user: z.string(), database: z.string() }),
  instances: z.array(Instance),
  rule: z.object({ term: z.number().int(), leader: z.string(), k: z.number().int() }).nullable(),
  secondsToReady: z.number().nullable(),
  createdAt: z.string(),
  deletedAt: z.string().nullable(),
  purgeAfter: z.string().nullable(),
  /** The operation that is under way, if one is. */
  operation: OperationSummary.nullable(),
});
export type Cluster = z.infer<typeof Cluster>;

export const Accepted = z.object({ cluster: Cluster, operation: OperationSummary });
export type Accepted = z.infer<typeof Accepted>;

/** The application account with its password; reading it is audited. */
export const Account = z.object({
  user: z.string(),
  password: z.string(),
  database: z.string(),
  /** PEM of the platform CA, for clients that verify. */
  ca: z.string(),
  /** Directory of the engine pack's client programs on the platform's host, for `moor connect`. */
  clientDirectory: z.string(),
});
export type Account = z.infer<typeof Account>;

export const DeleteInput = z.object({ confirm: z.string(), purge: z.boolean().default(false) });
export const RestartInput = z.object({ instance: z.string().optional() });

export const Event = z.object({
  id: z.string(),
  at: z.string(),
  severity: z.enum(['info', 'warning', 'error']),
  kind: z.string(),
  message: z.string(),
  instance: z.string().nullable(),
});
export type Event = z.infer<typeof Event>;

// The platform -------------------------------------------------------------------------------------

export const Health = z.object({
  version: z.string(),
  platformId: z.string(),
  store: z.enum(['ok', 'unavailable']),
  controller: z.enum(['ok', 'silent']),
});

export const HostView = z.object({
  id: z.string(),
  zone: z.string(),
  region: z.string(),
  address: z.string(),
  memoryFreeMb: z.number(),
  diskFreeGb: z.number(),
  instances: z.array(
    z.object({ name: z.string(), cluster: z.string(), role: z.enum(['primary', 'standby']) }),
  ),
});
export const Infrastructure = z.object({
  hosts: z.array(HostView),
  enforcement: z.array(z.object({ resource: z.string(), enforced: z.boolean(), how: z.string() })),
});
export type Infrastructure = z.infer<typeof Infrastructure>;

/** What a forwarder or proxy needs to know of one cluster. Older (term, version) is never accepted. */
export const TopologyFeed = z.object({
  clusterId: z.string(),
  term: z.number().int(),
  version: z.number().int(),
  /** Null while nobody may take writes. */
  leader: z.object({ name: z.string(), host: z.string(), port: z.number().int() }).nullable(),
  /** Standbys that serve reads, best first; the leader when there is none. */
  readers: z.array(z.object({ name: z.string(), host: z.string(), port: z.number().int() })),
});
export type TopologyFeed = z.infer<typeof TopologyFeed>;

/** One message of the event stream (server-sent events, `data:` is this as JSON). */
export const Change = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('cluster'), name: z.string() }),
  z.object({ kind: z.literal('operation'), id: z.string(), cluster: z.string() }),
  z.object({ kind: z.literal('event'), cluster: z.string() }),
]);
export type Change = z.infer<typeof Change>;
