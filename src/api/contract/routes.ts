/**
 * Every route of the API in one table: method, path, who may call it, what goes in and out.
 *
 * The server registers its handlers against this table (a missing handler does not compile), OpenAPI
 * is generated from it, and client.ts turns it into typed calls.
 */
import { z } from 'zod';
import * as s from './schemas.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export type Route = {
  method: Method;
  /** Fastify's notation: /api/v1/clusters/:name */
  path: string;
  summary: string;
  /** 'public' needs no log-in; 'feed' takes the cluster's feed token. */
  access: 'public' | 'user' | 'administrator' | 'feed';
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  status: 200 | 201 | 202 | 204;
  /** Absent for 204 and for event streams. */
  response?: z.ZodType;
  /** Answers with server-sent events whose data is this. */
  stream?: z.ZodType;
};

const name = z.object({ name: z.string() });
const id = z.object({ id: z.string() });
const limit = z.coerce.number().int().min(1).max(500).default(100);
/** `before` is the id of the last row of the page before. */
const page = z.object({
  limit,
  before: z
    .string()
    .regex(/^\d{1,18}$/)
    .optional(),
});
const operationPage = z.object({ limit, before: z.uuid().optional(), cluster: z.string().optional() });

export const routes = {
  health: {
    method: 'GET',
    path: '/api/v1/health',
    summary: 'Whether the platform and its store answer',
    access: 'public',
    status: 200,
    response: s.Health,
  },
  login: {
    method: 'POST',
    path: '/api/v1/session',
    summary: 'Log in; sets the session cookie',
    access: 'public',
    body: s.Credentials,
    status: 200,
    response: s.Me,
  },
  logout: {
    method: 'DELETE',
    path: '/api/v1/session',
    summary: 'Log out',
    access: 'user',
    status: 204,
  },
  me: {
    method: 'GET',
    path: '/api/v1/me',
    summary: 'Who is logged in',
    access: 'user',
    status: 200,
    response: s.Me,
  },
  changePassword: {
    method: 'POST',
    path: '/api/v1/me/password',
    summary: 'Set a new password',
    access: 'user',
    body: s.PasswordChange,
    status: 204,
  },
  listTokens: {
    method: 'GET',
    path: '/api/v1/me/tokens',
    summary: 'API tokens of the caller',
    access: 'user',
    status: 200,
    response: z.array(s.Token),
  },
  createToken: {
    method: 'POST',
    path: '/api/v1/me/tokens',
    summary: 'Make an API token; it is shown once',
    access: 'user',
    body: s.TokenInput,
    status: 201,
    response: s.TokenCreated,
  },
  deleteToken: {
    method: 'DELETE',
    path: '/api/v1/me/tokens/:id',
    summary: 'Revoke an API token',
    access: 'user',
    params: id,
    status: 204,
  },
  listUsers: {
    method: 'GET',
    path: '/api/v1/users',
    summary: 'People who may log in',
    access: 'administrator',
    status: 200,
    response: z.array(s.User),
  },
  createUser: {
    method: 'POST',
    path: '/api/v1/users',
    summary: 'Add a person; the initial password is shown once',
    access: 'administrator',
    body: s.UserInput,
    status: 201,
    response: s.UserCreated,
  },
  resetPassword: {
    method: 'POST',
    path: '/api/v1/users/:name/password',
    summary: 'Give a person a new initial password, shown once; unlocks and logs out everywhere',
    access: 'administrator',
    params: name,
    status: 200,
    response: s.UserCreated,
  },
  deleteUser: {
    method: 'DELETE',
    path: '/api/v1/users/:name',
    summary: 'Remove a person with all sessions and tokens',
    access: 'administrator',
    params: name,
    status: 204,
  },
  listTeams: {
    method: 'GET',
    path: '/api/v1/teams',
    summary: 'Teams of the caller with quota and use (administrators: all)',
    access: 'user',
    status: 200,
    response: z.array(s.Team),
  },
  createTeam: {
    method: 'POST',
    path: '/api/v1/teams',
    summary: 'Make a team',
    access: 'administrator',
    body: s.TeamInput,
    status: 201,
    response: s.Team,
  },
  setQuota: {
    method: 'PUT',
    path: '/api/v1/teams/:name/quota',
    summary: 'Set what a team may use',
    access: 'administrator',
    params: name,
    body: s.Quota,
    status: 200,
    response: s.Team,
  },
  setTeamMember: {
    method: 'PUT',
    path: '/api/v1/teams/:name/members/:user',
    summary: "Set a person's role in a team",
    access: 'administrator',
    params: z.object({ name: z.string(), user: z.string() }),
    body: z.object({ role: z.enum(['owner', 'member', 'viewer', 'none']) }),
    status: 200,
    response: s.Team,
  },
  audit: {
    method: 'GET',
    path: '/api/v1/audit',
    summary: 'Audit trail, newest first',
    access: 'administrator',
    query: page,
    status: 200,
    response: z.array(s.AuditEntry),
  },
  catalogue: {
    method: 'GET',
    path: '/api/v1/catalogue',
    summary: 'Engines, topologies and sizes on offer',
    access: 'user',
    status: 200,
    response: s.Catalogue,
  },
  infrastructure: {
    method: 'GET',
    path: '/api/v1/infrastructure',
    summary: 'Hosts, what sits on them, and which limits are enforced',
    access: 'user',
    status: 200,
    response: s.Infrastructure,
  },
  listClusters: {
    method: 'GET',
    path: '/api/v1/clusters',
    summary: 'Clusters of the caller',
    access: 'user',
    query: z.object({ deleted: z.enum(['true', 'false']).default('false') }),
    status: 200,
    response: z.array(s.Cluster),
  },
  createCluster: {
    method: 'POST',
    path: '/api/v1/clusters',
    summary: 'Create a cluster',
    access: 'user',
    body: s.ClusterInput,
    status: 202,
    response: s.Accepted,
  },
  getCluster: {
    method: 'GET',
    path: '/api/v1/clusters/:name',
    summary: 'One cluster with its state, explained',
    access: 'user',
    params: name,
    status: 200,
    response: s.Cluster,
  },
  getAccount: {
    method: 'GET',
    path: '/api/v1/clusters/:name/account',
    summary: 'The application account with its password (audited)',
    access: 'user',
    params: name,
    status: 200,
    response: s.Account,
  },
  listEvents: {
    method: 'GET',
    path: '/api/v1/clusters/:name/events',
    summary: 'What happened to a cluster, newest first',
    access: 'user',
    params: name,
    query: page,
    status: 200,
    response: z.array(s.Event),
  },
  restartCluster: {
    method: 'POST',
    path: '/api/v1/clusters/:name/restart',
    summary: 'Restart one instance, or all one after the other',
    access: 'user',
    params: name,
    body: s.RestartInput,
    status: 202,
    response: s.Accepted,
  },
  deleteCluster: {
    method: 'DELETE',
    path: '/api/v1/clusters/:name',
    summary: 'Delete a cluster; its volume is kept for the retention time unless purged',
    access: 'user',
    params: name,
    body: s.DeleteInput,
    status: 202,
    response: s.Accepted,
  },
  undeleteCluster: {
    method: 'POST',
    path: '/api/v1/clusters/:name/undelete',
    summary: 'Bring a deleted cluster back with its data',
    access: 'user',
    params: name,
    status: 202,
    response: s.Accepted,
  },
  listOperations: {
    method: 'GET',
    path: '/api/v1/operations',
    summary: 'Operations, newest first',
    access: 'user',
    query: operationPage,
    status: 200,
    response: z.array(s.OperationSummary),
  },
  getOperation: {
    method: 'GET',
    path: '/api/v1/operations/:id',
    summary: 'One operation with its plan and progress',
    access: 'user',
    params: id,
    status: 200,
    response: s.OperationSummary,
  },
  cancelOperation: {
    method: 'POST',
    path: '/api/v1/operations/:id/cancel',
    summary: 'Cancel an operation; finished steps are undone where they can be',
    access: 'user',
    params: id,
    status: 202,
    response: s.OperationSummary,
  },
  changes: {
    method: 'GET',
    path: '/api/v1/changes',
    summary: 'Stream of what changed, for pages that update live',
    access: 'user',
    status: 200,
    stream: s.Change,
  },
  topology: {
    method: 'GET',
    path: '/api/v1/clusters/:id/topology',
    summary: 'Stream of leader and readers of one cluster (by id), for forwarders and proxies',
    access: 'feed',
    params: id,
    status: 200,
    stream: s.TopologyFeed,
  },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;
