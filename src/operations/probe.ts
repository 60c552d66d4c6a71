/**
 * One look whether an engine answers behind an address: MySQL greets first, PostgreSQL answers a
 * request for TLS with one byte. No log-in and no engine library; a forwarder that merely accepts
 * does not pass.
 */
import { connect } from 'node:net';
import type { EngineKind } from '../domain/engines.ts';

/** Length 8, code 80877103. */
const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

export function probeEndpoint(
  engine: EngineKind,
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    socket.once('connect', () => {
      if (engine === 'postgres') socket.write(sslRequest);
    });
    socket.once('data', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed before the server answered')));
  });
}
