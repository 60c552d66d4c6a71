/** Plain HTTP for tests that send what the typed client would never send. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import type { Problem } from '../../src/api/contract/schemas.ts';

export type Reply = { status: number; headers: Headers; problem: Problem };

/** A request as it is given, with the answer as a problem. */
export async function send(
  url: string,
  method: string,
  path: string,
  options: { headers?: Record<string, string>; body?: string } = {},
): Promise<Reply> {
  const response = await fetch(`${url}${path}`, { method, ...options });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    problem: (text === '' ? {} : JSON.parse(text)) as Problem,
  };
}

/** Refused with this status and kind, in a sentence that matches. */
export function refused(reply: Reply, status: number, kind: string, says: RegExp): void {
  assert.equal(reply.status, status, JSON.stringify(reply.problem));
  assert.equal(reply.problem.kind, kind);
  assert.match(reply.headers.get('content-type') ?? '', /^application\/problem\+json/);
  assert.match(`${reply.problem.detail} ${reply.problem.hint ?? ''}`, says);
}

/** Connected; its errors are nobody's business. */
export async function rawSocket(address: { host: string; port: number }): Promise<Socket> {
  const socket = connect(address);
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.on('error', () => {});
  return socket;
}
