/**
 * Where the members of a new cluster go.
 *
 * A rule with k means: every acknowledged transaction is on k standbys. The promise "lose a zone, lose
 * nothing" holds only if no zone has more than k members: the leader and k - 1 ackers may share a zone,
 * and at least one acker that holds the transaction is elsewhere. So that is the anti-affinity, and a
 * layout that cannot keep it is refused rather than made quietly worse. Never two members on one host.
 */
import type { Host } from './hosts.ts';
import { type Size, sizeOffers } from './sizes.ts';
import { instanceCount, type Topology, topologies, topologyOffers } from './topologies.ts';

export type HostRoom = {
  host: Host;
  memoryFreeMb: number;
  diskFreeGb: number;
  /** Hosts with the same machine share these numbers (simulated hosts); absent: a machine of its own. */
  machine?: string;
};

export type HostUse = { hostId: string; instances: number };

/** What one instance needs when it starts. */
export type Requirements = { memoryMb: number; diskGb: number };

export type Placement = { ordinal: number; host: Host };

export type PlacementResult =
  | { kind: 'placed'; placements: Placement[] }
  | { kind: 'refused'; because: 'topology' | 'memory' | 'disk'; reason: string; hint: string };

/**
 * Volumes are thin: they grow as data comes, up to the size's limit. A tenth must be free at the start,
 * so that a new cluster does not meet a full disk within its first hour.
 */
export function requirementsOf(size: Size): Requirements {
  const offer = sizeOffers[size];
  return { memoryMb: offer.memoryMb, diskGb: offer.diskGb / 10 };
}

/** Most members that one zone may hold. */
function zoneCap(topology: Topology): number {
  const { standbys, k } = topologyOffers[topology];
  return standbys === 0 ? 1 : k;
}

/** Of which loss the data comes out intact. */
export function survives(topology: Topology): ('process' | 'host' | 'zone')[] {
  return topologyOffers[topology].k === 0 ? ['process'] : ['process', 'host', 'zone'];
}

export type Possible = { possible: true; reason: null } | { possible: false; reason: string };

/** Whether this installation's hosts and zones can carry a topology at all, however empty they are. */
export function topologyPossible(topology: Topology, hosts: readonly Host[]): Possible {
  if (fits(topology, hosts)) return { possible: true, reason: null };
  const cap = zoneCap(topology);
  const zones = new Set(hosts.map((host) => host.zone)).size;
  const carried = topologies.filter((other) => fits(other, hosts));
  const instances = instanceCount(topology);
  return {
    possible: false,
    reason:
      `${topology} spreads ${instances} instances with at most ${cap} per zone and one per host, ` +
      `so that losing a zone loses nothing; here are ${count(zones, 'zone')} with ${count(hosts.length, 'host')}, ` +
      `which can carry ${carried.length === 0 ? 'no topology' : carried.join(', ')}`,
  };
}

function fits(topology: Topology, hosts: readonly Host[]): boolean {
  const cap = zoneCap(topology);
  const perZone = countBy(hosts.map((host) => host.zone));
  const places = [...perZone.values()].reduce((sum, hostsOfZone) => sum + Math.min(cap, hostsOfZone), 0);
  return places >= instanceCount(topology);
}

/** Ordinal 1 becomes the first leader. */
export function place(
  topology: Topology,
  rooms: readonly HostRoom[],
  usage: readonly HostUse[],
  requirements: Requirements,
): PlacementResult {
  const possible = topologyPossible(
    topology,
    rooms.map((room) => room.host),
  );
  if (!possible.possible) {
    return {
      kind: 'refused',
      because: 'topology',
      reason: possible.reason,
      hint: 'Choose another topology, or add zones',
    };
  }
  const used = new Map(usage.map((use) => [use.hostId, use.instances]));
  const usedByZone = new Map<string, number>();
  for (const { host } of rooms) {
    usedByZone.set(host.zone, (usedByZone.get(host.zone) ?? 0) + (used.get(host.id) ?? 0));
  }
  const machineOf = (room: HostRoom) => room.machine ?? `host ${room.host.id}`;
  const takenOn = new Map<string, number>();
  const inZone = new Map<string, number>();
  const placements: Placement[] = [];
  const left = new Set(rooms);
  const memoryLeft = (room: HostRoom) =>
    room.memoryFreeMb - (takenOn.get(machineOf(room)) ?? 0) * requirements.memoryMb;
  const diskLeft = (room: HostRoom) =>
    room.diskFreeGb - (takenOn.get(machineOf(room)) ?? 0) * requirements.diskGb;

  for (let ordinal = 1; ordinal <= instanceCount(topology); ordinal++) {
    const open = [...left].filter((room) => (inZone.get(room.host.zone) ?? 0) < zoneCap(topology));
    const roomy = open.filter(
      (room) => memoryLeft(room) >= requirements.memoryMb && diskLeft(room) >= requirements.diskGb,
    );
    const best = roomy.sort(
      (a, b) =>
        (inZone.get(a.host.zone) ?? 0) - (inZone.get(b.host.zone) ?? 0) ||
        (usedByZone.get(a.host.zone) ?? 0) - (usedByZone.get(b.host.zone) ?? 0) ||
        compareText(a.host.zone, b.host.zone) ||
        memoryLeft(b) - memoryLeft(a) ||
        (used.get(a.host.id) ?? 0) - (used.get(b.host.id) ?? 0) ||
        compareText(a.host.id, b.host.id),
    )[0];
    if (best === undefined) return noRoom(topology, open, memoryLeft, diskLeft, requirements, ordinal);
    left.delete(best);
    inZone.set(best.host.zone, (inZone.get(best.host.zone) ?? 0) + 1);
    takenOn.set(machineOf(best), (takenOn.get(machineOf(best)) ?? 0) + 1);
    placements.push({ ordinal, host: best.host });
  }
  return { kind: 'placed', placements };
}

function noRoom(
  topology: Topology,
  open: readonly HostRoom[],
  memoryLeft: (room: HostRoom) => number,
  diskLeft: (room: HostRoom) => number,
  requirements: Requirements,
  ordinal: number,
): PlacementResult {
  const memory = Math.max(0, ...open.map(memoryLeft));
  const disk = Math.max(0, ...open.map(diskLeft));
  const shortOfMemory = memory < requirements.memoryMb;
  const what = shortOfMemory
    ? `${requirements.memoryMb} MiB of memory and ${Math.floor(memory)} MiB are free`
    : disk < requirements.diskGb
      ? `${requirements.diskGb} GiB of disk and ${disk.toFixed(1)} GiB are free`
      : `${requirements.memoryMb} MiB of memory and ${requirements.diskGb} GiB of disk on one host, which no host has`;
  const total = instanceCount(topology);
  return {
    kind: 'refused',
    because: shortOfMemory ? 'memory' : 'disk',
    reason: `There is no room for instance ${ordinal} of ${total}: it needs ${what} on the hosts that may take it`,
    hint: 'Purge a deleted cluster, delete one that is not needed, or choose a smaller size or topology',
  };
}

function countBy(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
