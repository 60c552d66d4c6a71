/**
 * The agent's HTTPS server. Plain node:https: three routes do not pay for a framework's memory.
 *
 * Only the controller is let in: the client's certificate must be signed by the platform's CA and
 * carry the common name `controller`. Certificates of other instances, which the same CA has signed,
 * are refused.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Assignment } from '../domain/assignment.ts';
import type { InstanceStatus } from '../domain/status.ts';
import { httpStatusOf, PlatformError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { PromiseReply, PromiseRequest } from './contract/contract.ts';
import { type AssignmentReply, assignmentSchema, promiseRequestSchema } from './contract/schemas.ts';
import { parseJson } from './home.ts';
import type { Credentials } from './push.ts';

export type AgentCalls = {
  status(): InstanceStatus;
  assign(assignment: Assignment): Promise<AssignmentReply>;
  promise(request: PromiseRequest): Promise<PromiseReply>;
};

export type AgentServer = { readonly port: number; close(): Promise<void> };

const maxBodyBytes = 1024 * 1024;

export async function serveAgent(
  address: { host: string; port: number },
  credentials: Credentials,
  calls: AgentCalls,
  log: Log,
): Promise<AgentServer> {
  const server = createServer(
    {
      ...credentials,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      requestTimeout: 10_000,
      headersTimeout: 5000,
      keepAliveTimeout: 60_000,
      handshakeTimeout: 5000,
    },
    (request, response) => {
      answer(request, calls)
        .then((value) => send(response, 200, 'application/json', value))
        .catch((error: unknown) => sendProblem(response, error, log));
    },
  );
  server.maxConnections = 64;
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.port, address.host, () => resolve());
  });
  server.on('error', (error) => log.error({ error }, 'the HTTPS server of the agent has an error'));
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound ? bound.port : address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, calls: AgentCalls): Promise<unknown> {
  const name = (request.socket as TLSSocket).getPeerCertificate().subject?.CN;
  if (name !== 'controller')
    throw new PlatformError('forbidden', 'Only the controller may call an agent', { context: { name } });
  const route = `${request.method} ${request.url?.split('?')[0]}`;
  switch (route) {
    case 'GET /v1/status':
      return calls.status();
    case 'PUT /v1/assignment':
      return await calls.assign(await bodyOf(request, assignmentSchema));
    case 'POST /v1/promise':
      return await calls.promise(await bodyOf(request, promiseRequestSchema));
    default:
      throw new PlatformError('not_found', `The agent knows no ${route}`);
  }
}

async function bodyOf<T>(request: IncomingMessage, schema: Parameters<typeof parseJson<T>>[0]): Promise<T> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new PlatformError('too_large', 'The request is larger than 1 MiB');
    chunks.push(chunk);
  }
  try {
    return parseJson(schema, Buffer.concat(chunks).toString('utf8'), 'The request');
  } catch (error) {
    if (error instanceof PlatformError)
      throw new PlatformError('invalid', error.publicMessage, { cause: error });
    throw error;
  }
}

function sendProblem(response: ServerResponse, error: unknown, log: Log): void {
  if (!(error instanceof PlatformError)) {
    log.error({ error }, 'a call to the agent failed');
    send(response, 500, 'application/problem+json', {
      type: 'about:blank',
      title: 'internal',
      status: 500,
      detail: 'The agent failed to answer; its log says why',
    });
    return;
  }
  const status = httpStatusOf[error.kind];
  const { promisedTerm, generation } = error.context;
  send(response, status, 'application/problem+json', {
    type: 'about:blank',
    title: error.kind,
    status,
    detail: error.publicMessage,
    ...(promisedTerm === undefined ? {} : { promisedTerm }),
    ...(generation === undefined ? {} : { generation }),
  });
}

function send(response: ServerResponse, status: number, type: string, value: unknown): void {
  if (response.headersSent || response.destroyed) return;
  const body = Buffer.from(JSON.stringify(value));
  // A refused request may have a body that nobody read; the connection ends with the answer.
  if (status >= 400) response.setHeader('connection', 'close');
  response.writeHead(status, { 'content-type': type, 'content-length': body.length });
  response.end(body);
}
