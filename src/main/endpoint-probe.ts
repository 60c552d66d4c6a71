/**
 * One attempt to hear a database engine through an endpoint: it proves that forwarder, leader and
 * listener are there, without an account.
 */
import { connect } from 'node:net';
import type { EngineKind } from '../domain/engines.ts';

/** PostgreSQL's SSLRequest: length 8, code 80877103; the server answers with one letter, S or N. */
const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

const timeoutMs = 2_000;

/** Resolves when the engine has answered; rejects otherwise. */
export function probeEndpoint(
  engine: EngineKind,
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal, noDelay: true });
    const end = (error?: Error) => {
      socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    socket.setTimeout(timeoutMs, () => end(new Error(`no answer within ${timeoutMs} ms`)));
    socket.once('error', end);
    socket.once('close', () => end(new Error('closed without an answer')));
    socket.once('connect', () => {
      if (engine === 'postgres') socket.write(sslRequest);
    });
    socket.once('data', (data: Buffer) => {
      // MySQL speaks first: packet header (4 bytes), then protocol version 10 or an error packet.
      const heard = engine === 'mysql' ? data[4] === 10 : data[0] === 0x53 || data[0] === 0x4e;
      end(heard ? undefined : new Error('the answer is not the engine’s'));
    });
  });
}
