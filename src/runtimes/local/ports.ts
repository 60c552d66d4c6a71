/**
 * Free TCP ports, found by binding. The store's unique (host, port) decides who owns a port; this
 * only proposes. Ports proposed a moment ago are not proposed again, so that creations at the same
 * moment rarely meet.
 */
import { createServer } from 'node:net';
import { PlatformError } from '../../lib/errors.ts';

export type PortRange = { first: number; last: number };

const heldMs = 30_000;

export function createPortFinder(range: PortRange, nowMs: () => number = () => performance.now()) {
  const proposed = new Map<string, number>();

  return async function freePorts(
    address: string,
    count: number,
    taken: ReadonlySet<number>,
  ): Promise<number[]> {
    const now = nowMs();
    for (const [key, at] of proposed) if (now - at > heldMs) proposed.delete(key);
    const found: number[] = [];
    for (let port = range.first; port <= range.last && found.length < count; port++) {
      const key = `${address}:${port}`;
      if (taken.has(port) || proposed.has(key)) continue;
      proposed.set(key, now);
      if (await canBind(address, port)) found.push(port);
      else proposed.delete(key);
    }
    if (found.length === count) return found;
    for (const port of found) proposed.delete(`${address}:${port}`);
    throw new PlatformError(
      'refused',
      `No ${count} free ports on ${address} between ${range.first} and ${range.last}`,
      { hint: 'Purge deleted clusters (moor delete NAME --purge) or stop what listens on these ports' },
    );
  };
}

function canBind(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
