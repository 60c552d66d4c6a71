/**
 * One agent per home. The lock is a listening socket in Linux's abstract namespace, named after the
 * home: the kernel gives it up in the moment the agent dies, however it dies, so there is no stale
 * lock to judge and no moment between looking and taking.
 */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { codeOf } from '../lib/errors.ts';

export type HomeLock = { release(): void };

/** Undefined when another agent holds it. */
export function lockHome(home: string): Promise<HomeLock | undefined> {
  const name = createHash('sha256').update(realpathSync(home)).digest('hex').slice(0, 32);
  const server: Server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error) => (codeOf(error) === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen(`\0mooring-agent-${name}`, () => {
      server.unref();
      resolve({ release: () => void server.close() });
    });
  });
}
