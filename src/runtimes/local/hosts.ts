/**
 * Simulated hosts of one machine: each has a loopback address of its own, so that instances of
 * different hosts can use equal ports and a picture of zones and hosts means something.
 *
 * Zones are a, b, c, ...; hosts a1, a2, b1, ...; addresses 127.20.<zone>.<host>.
 */
import type { Host } from '../../domain/hosts.ts';
import { PlatformError } from '../../lib/errors.ts';

export type SimulatedHosts = { zones: number; hostsPerZone: number };

export function simulatedHosts({ zones, hostsPerZone }: SimulatedHosts): Host[] {
  if (!Number.isInteger(zones) || zones < 1 || zones > 26) {
    throw new PlatformError('invalid', `The number of zones must be 1 to 26, not ${zones}`);
  }
  if (!Number.isInteger(hostsPerZone) || hostsPerZone < 1 || hostsPerZone > 250) {
    throw new PlatformError('invalid', `The number of hosts per zone must be 1 to 250, not ${hostsPerZone}`);
  }
  return Array.from({ length: zones }, (_, z) => {
    const zone = String.fromCharCode('a'.charCodeAt(0) + z);
    return Array.from({ length: hostsPerZone }, (_, h) => ({
      id: `${zone}${h + 1}`,
      zone,
      region: 'local',
      address: `127.20.${z + 1}.${h + 1}`,
    }));
  }).flat();
}
