/** The controller's side of the agent contract: one HTTPS client with mutual TLS for all agents. */
import { Agent, request } from 'node:https';
import * as z from 'zod/mini';
import type { Assignment } from '../../domain/assignment.ts';
import type { InstanceStatus } from '../../domain/status.ts';
import { PlatformError } from '../../lib/errors.ts';
import type { PromiseReply, PromiseRequest } from './contract.ts';
import {
  type AssignmentReply,
  agentProblemSchema,
  assignmentReplySchema,
  instanceStatusSchema,
  promiseReplySchema,
} from './schemas.ts';

export type AgentAddress = { host: string; port: number; instanceId: string };

export type AgentClient = {
  status(agent: AgentAddress, options?: CallOptions): Promise<InstanceStatus>;
  /** Throws `conflict` (context: promisedTerm, generation) when the agent has seen something newer. */
  assign(agent: AgentAddress, assignment: Assignment, options?: CallOptions): Promise<AssignmentReply>;
  /** Throws `conflict` (context: promisedTerm) when the term is stale. */
  promise(agent: AgentAddress, wanted: PromiseRequest, options?: CallOptions): Promise<PromiseReply>;
  /** Ends the kept connections. */
  close(): void;
};

export type CallOptions = { timeoutMs?: number; signal?: AbortSignal };

/** The caller's certificate must carry the common name `controller`. */
export type ClientCertificate = { certPem: string; keyPem: string; caPem: string };

const maxReplyBytes = 1024 * 1024;

export function createAgentClient(certificate: ClientCertificate): AgentClient {
  const connections = new Agent({
    keepAlive: true,
    maxSockets: 2,
    cert: certificate.certPem,
    key: certificate.keyPem,
    ca: certificate.caPem,
    minVersion: 'TLSv1.3',
  });

  async function call<T>(
    agent: AgentAddress,
    method: string,
    path: string,
    body: unknown,
    schema: z.ZodMiniType<T>,
    options: CallOptions,
  ): Promise<T> {
    const reply = await send(connections, agent, method, path, body, options);
    if (reply.status === 200) {
      const parsed = schema.safeParse(reply.json);
      if (parsed.success) return parsed.data;
      throw new PlatformError(
        'unavailable',
        `The agent of ${agent.instanceId} gave an answer of another shape`,
        {
          context: { issues: z.prettifyError(parsed.error) },
        },
      );
    }
    const problem = agentProblemSchema.safeParse(reply.json);
    const detail = problem.success ? problem.data.detail : `HTTP status ${reply.status}`;
    // A conflict says that the agent knows something newer; a call that was cancelled, 409 too, does not.
    const title = problem.success ? problem.data.title : undefined;
    const isWrong = reply.status < 500 && title !== 'cancelled';
    const kind = title === 'conflict' ? 'conflict' : isWrong ? 'invalid' : 'unavailable';
    throw new PlatformError(kind, detail, {
      context: {
        instanceId: agent.instanceId,
        status: reply.status,
        ...(problem.success
          ? { promisedTerm: problem.data.promisedTerm, generation: problem.data.generation }
          : {}),
      },
    });
  }

  return {
    status: (agent, options = {}) =>
      call(agent, 'GET', '/v1/status', undefined, instanceStatusSchema, options),
    assign: (agent, assignment, options = {}) =>
      call(agent, 'PUT', '/v1/assignment', assignment, assignmentReplySchema, options),
    promise: (agent, wanted, options = {}) =>
      call(agent, 'POST', '/v1/promise', wanted, promiseReplySchema, options),
    close: () => connections.destroy(),
  };
}

function send(
  connections: Agent,
  agent: AgentAddress,
  method: string,
  path: string,
  body: unknown,
  options: CallOptions,
): Promise<{ status: number; json: unknown }> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? 8000);
  const signal = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout;
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(
        new PlatformError(
          'unavailable',
          `The agent of ${agent.instanceId} at ${agent.host}:${agent.port} does not answer`,
          { cause },
        ),
      );
    const headers = payload
      ? { 'content-type': 'application/json', 'content-length': payload.length }
      : undefined;
    const { host, port } = agent;
    const outgoing = request(
      { agent: connections, host, port, path, method, headers, signal },
      (incoming) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        incoming.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > maxReplyBytes) incoming.destroy(new Error('the answer is too large'));
          else chunks.push(chunk);
        });
        incoming.on('error', fail);
        incoming.on('end', () => {
          let json: unknown = null;
          try {
            json = JSON.parse(Buffer.concat(chunks).toString('utf8'));
          } catch {
            // The status alone decides; a body that is no JSON is no problem document.
          }
          resolve({ status: incoming.statusCode ?? 0, json });
        });
      },
    );
    outgoing.on('error', fail);
    outgoing.end(payload);
  });
}
