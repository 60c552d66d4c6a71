/**
 * Free TCP ports, found by binding. The store's unique (host, port) decides who owns a port; this
 * only proposes. Ports proposed a moment ago are not proposed again, so that creations at the same
 * moment rarely meet.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { PlatformError } from '../../lib/errors.ts';

export type PortRange = { first: number; last: number };

const heldMs = 30_000;

/**
 * The search begins at a place of its own for each owner. A server that is down holds no port, so two
 * platforms on one machine that both began at the first would take each other's ports in such moments.
 */
export function createPortFinder(
  range: PortRange,
  owner: string,
  nowMs: () => number = () => performance.now(),
) {
  const size = range.last - range.first + 1;
  const start = createHash('sha256').update(owner).digest().readUInt32BE() % size;
  const proposed = new Map<string, number>();

  return async function freePorts(
    address: string,
    count: number,
    taken: ReadonlySet<number>,
  ): Promise<number[]> {
    const now = nowMs();
    for (const [key, at] of proposed) if (now - at > heldMs) proposed.delete(key);
    const found: number[] = [];
    for (let nth = 0; nth < size && found.length < count; nth++) {
      const port = range.first + ((start + nth) % size);
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
