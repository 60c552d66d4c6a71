/** Test only: a tiny server that answers the contract from a table, and a terminal that remembers. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { type RouteName, routes } from '../api/contract/routes.ts';
import type { Account, Cluster, OperationSummary } from '../api/contract/schemas.ts';
import type { CliEnvironment, Terminal } from './environment.ts';
import { runCli } from './main.ts';

export type Call = { name: RouteName; params: Record<string, string>; query: URLSearchParams; body: unknown };
export type Answer = { status?: number; body?: unknown; cookie?: string };
export type Handlers = Partial<Record<RouteName, (call: Call, request: IncomingMessage) => Answer | unknown>>;

export class Problem {
  readonly status: number;
  readonly kind: string;
  readonly detail: string;
  readonly hint: string | undefined;
  constructor(status: number, kind: string, detail: string, hint?: string) {
    this.status = status;
    this.kind = kind;
    this.detail = detail;
    this.hint = hint;
  }
}

export type StandIn = AsyncDisposable & {
  url: string;
  calls: Call[];
  handlers: Handlers;
  /** Sends a message to all who listen to the stream of changes. */
  change(data: unknown): void;
  run(argv: string[], options?: RunOptions): Promise<Run>;
  /** Home of the simulated user. */
  home: string;
};

export type RunOptions = {
  stdin?: string;
  tty?: boolean;
  env?: Record<string, string>;
  /** Leaves out address and token, as for somebody who is not logged in. */
  anonymous?: boolean;
  onInterrupt?: (interrupt: () => void) => void;
};
export type Run = { code: number; out: string; err: string };

export async function standIn(handlers: Handlers): Promise<StandIn> {
  const calls: Call[] = [];
  const streams = new Set<ServerResponse>();
  const home = await mkdtemp(join(tmpdir(), 'mooring-cli-'));
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const url = new URL(request.url ?? '', 'http://x');
    const found = match(request.method ?? '', url.pathname);
    if (found?.name === 'changes') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n');
      streams.add(response);
      const again = setInterval(
        () => self.change({ kind: 'operation', id: operationId, cluster: 'orders' }),
        5,
      );
      response.on('close', () => clearInterval(again));
      response.on('close', () => streams.delete(response));
      return;
    }
    const send = (status: number, body: unknown, headers = {}) =>
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(body === undefined ? '' : JSON.stringify(body));
    const handler = found && self.handlers[found.name];
    if (!found || !handler) return send(404, { kind: 'not_found', detail: `no handler for ${request.url}` });
    const call = { ...found, query: url.searchParams, body: text === '' ? undefined : JSON.parse(text) };
    calls.push(call);
    const answer = await handler(call, request);
    if (answer instanceof Problem) return send(answer.status, answer);
    if (answer instanceof WithCookie) return send(200, answer.body, { 'set-cookie': answer.cookie });
    send(routes[found.name].status, answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const self: StandIn = {
    url,
    calls,
    handlers,
    home,
    change(data) {
      for (const stream of streams) stream.write(`data: ${JSON.stringify(data)}\n\n`);
    },
    async run(argv, options = {}) {
      const out = memory(options.tty);
      const err = memory(options.tty);
      const reached = options.anonymous ? {} : { MOORING_URL: url, MOORING_TOKEN: 'token' };
      const environment: CliEnvironment = {
        env: { HOME: home, PATH: process.env.PATH, ...reached, ...options.env },
        stdin: Readable.from([options.stdin ?? '']),
        stdout: out.terminal,
        stderr: err.terminal,
        onInterrupt(handler) {
          options.onInterrupt?.(handler);
          return () => {};
        },
      };
      const code = await runCli(argv, environment);
      return { code, out: out.text(), err: err.text() };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await rm(home, { recursive: true });
    },
  };
  return self;
}

export class WithCookie {
  readonly body: unknown;
  readonly cookie: string;
  constructor(body: unknown, cookie: string) {
    this.body = body;
    this.cookie = cookie;
  }
}

function match(method: string, path: string) {
  for (const [name, route] of Object.entries(routes)) {
    if (route.method !== method) continue;
    const pattern = new RegExp(`^${route.path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
    const found = pattern.exec(path);
    if (found) return { name: name as RouteName, params: { ...found.groups } };
  }
  return undefined;
}

function memory(tty = false): { terminal: Terminal; text(): string } {
  let text = '';
  const terminal: Terminal = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  if (tty) Object.assign(terminal, { isTTY: true, columns: 60 });
  return { terminal, text: () => text };
}

const operationId = '01939a00-0000-7000-8000-000000000001';

export function operation(change: Partial<OperationSummary> = {}): OperationSummary {
  const at = '2026-01-01T00:00:00.000Z';
  const later = '2026-01-01T00:00:01.500Z';
  const ended = change.state === 'done';
  return {
    id: operationId,
    kind: 'create',
    cluster: 'orders',
    actor: 'admin',
    state: 'running',
    plan: [
      { name: 'place', title: 'Choose hosts', state: 'done', startedAt: at, finishedAt: later },
      {
        name: 'volumes',
        title: 'Make volumes',
        state: ended ? 'done' : 'running',
        startedAt: later,
        finishedAt: ended ? '2026-01-01T00:00:02.000Z' : null,
      },
    ],
    waitingFor: null,
    error: null,
    deadline: at,
    createdAt: at,
    startedAt: at,
    finishedAt: ended ? later : null,
    ...change,
  };
}

export function cluster(change: Partial<Cluster> = {}): Cluster {
  const member = {
    zone: 'a',
    hostId: 'a1',
    state: 'open',
    why: 'Serves clients',
    writable: true,
    receiver: null,
    lagMs: null,
    position: null,
    connections: 1,
    residentBytes: 250 * 1024 * 1024,
    diskUsedBytes: 160 * 1024 * 1024,
    diskSizeBytes: 10 * 1024 ** 3,
    unplannedRestarts: 0,
    lastExit: null,
    pid: 1,
    quorumProbe: null,
  };
  return {
    id: 'cluster-1',
    name: 'orders',
    team: 'default',
    engine: 'mysql',
    version: '9.7',
    topology: '1+1',
    size: 'small',
    ack: 'memory',
    state: 'ready',
    explain: ['orders is ready: 1 of 1 standbys follow'],
    endpoints: {
      readWrite: { host: '127.0.0.1', port: 21000, url: 'mysql://orders@127.0.0.1:21000/orders' },
      readOnly: { host: '127.0.0.1', port: 21001, url: 'mysql://orders@127.0.0.1:21001/orders' },
    },
    account: { user: 'orders', database: 'orders' },
    instances: [
      { ...member, id: 'i1', name: 'orders-1', role: 'primary', host: '127.20.1.1', port: 21002 },
      { ...member, id: 'i2', name: 'orders-2', role: 'standby', host: '127.20.2.1', port: 21002, lagMs: 3 },
    ],
    rule: { term: 1, leader: 'orders-1', k: 1 },
    secondsToReady: 2.4,
    createdAt: '2026-01-01T00:00:00.000Z',
    deletedAt: null,
    purgeAfter: null,
    operation: null,
    ...change,
  };
}

export const account: Account = {
  user: 'orders',
  password: 'sEcret',
  database: 'orders',
  ca: 'CA',
  clientDirectory: '/nowhere',
};
