/**
 * Where agents push their status. Mutual TLS: whoever connects holds a certificate of the platform CA,
 * and may report only for the instance that the certificate names.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { instanceStatusSchema } from '../agent/contract/schemas.ts';
import type { InstanceStatus } from '../domain/status.ts';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Certificate } from '../runtimes/runtime.ts';

export type ListenerOptions = {
  host: string;
  port: number;
  certificate: Certificate;
  log: Log;
  onStatus: (status: InstanceStatus) => void;
};

export type Listener = AsyncDisposable & { port: number };

/** A status is some 2 KB. */
const maxBodyBytes = 64 * 1024;

export async function startListener(options: ListenerOptions): Promise<Listener> {
  const { certificate, log } = options;
  const server = createServer(
    {
      cert: certificate.certPem,
      key: certificate.keyPem,
      ca: certificate.caPem,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      keepAliveTimeout: 60_000,
      requestTimeout: 10_000,
    },
    (request, response) => {
      handle(options, request, response).catch((error) => {
        log.debug({ error: messageOf(error) }, 'a report was not understood');
        if (!response.headersSent) answer(response, 400, 'The report cannot be read');
      });
    },
  );
  server.on('tlsClientError', (error) => log.debug({ error: messageOf(error) }, 'a caller was not an agent'));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function handle(options: ListenerOptions, request: IncomingMessage, response: ServerResponse) {
  if (request.method !== 'POST' || request.url !== '/agent/v1/status') {
    return answer(response, 404, 'There is nothing here');
  }
  const body = await readBody(request);
  if (body === undefined) {
    response.setHeader('connection', 'close');
    return answer(response, 413, `A report has at most ${maxBodyBytes} bytes`);
  }
  const parsed = instanceStatusSchema.safeParse(JSON.parse(body));
  if (!parsed.success) return answer(response, 400, 'The report has another shape than agreed');
  const caller = (request.socket as TLSSocket).getPeerCertificate().subject?.CN;
  if (caller !== parsed.data.instanceId) {
    return answer(response, 403, 'A certificate speaks for its own instance only');
  }
  options.onStatus(parsed.data);
  response.writeHead(204).end();
}

/** Undefined when it is too large. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBodyBytes) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function answer(response: ServerResponse, status: number, detail: string) {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ type: 'about:blank', title: detail, status, detail }));
}
