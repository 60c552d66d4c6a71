/**
 * Two sockets joined: bytes go both ways, at the pace of the slower side. A side that has ended its
 * half is passed on as such; a side that broke takes the other one with it at once.
 */
import { connect, type Socket } from 'node:net';
import type { Target } from './routing.ts';

const keepAliveMs = 15_000;

export function tune(socket: Socket): void {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, keepAliveMs);
}

/** A connection to a server, established and not yet read from. */
export function connectTo(target: Target, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: target.host, port: target.port, allowHalfOpen: true });
    const end = (error?: Error) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', end);
      if (error === undefined) return resolve(socket);
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    const onAbort = () => end(new Error('ended'));
    const timer = setTimeout(() => end(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', end);
    socket.once('connect', () => {
      tune(socket);
      end();
    });
  });
}

/** `onEnd` runs once, when both sockets are closed. */
export function relay(client: Socket, server: Socket, lingerMs: number, onEnd: () => void): void {
  let open = 2;
  let linger: NodeJS.Timeout | undefined;
  const join = (one: Socket, other: Socket) => {
    one.on('error', () => other.destroy());
    one.on('close', () => {
      // Closed without an end in both directions: what the other side still sends has no reader.
      if (one.readableEnded && one.writableFinished) other.end();
      else other.destroy();
      open -= 1;
      if (open > 0) return;
      clearTimeout(linger);
      onEnd();
    });
    one.pipe(other);
  };
  // A server that has ended says nothing more; a client that does not leave is not waited for.
  server.on('end', () => {
    linger = setTimeout(() => {
      client.destroy();
      server.destroy();
    }, lingerMs);
  });
  join(client, server);
  join(server, client);
}
