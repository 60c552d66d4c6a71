/**
 * A TCP port of 127.0.0.1 between 25000 and 29999: below the range from which the kernel serves
 * everybody, so that it is still free after the next boot.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { PlatformError } from '../lib/errors.ts';

export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = 25_000 + randomInt(5_000);
    if (await canListen(port)) return port;
  }
  throw new PlatformError('refused', 'No free TCP port between 25000 and 29999 on 127.0.0.1', {
    hint: 'See who holds them with: ss -ltn',
  });
}

export function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
