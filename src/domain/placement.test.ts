import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from './hosts.ts';
import { type HostRoom, place, requirementsOf, survives, topologyPossible } from './placement.ts';
import { type Topology, topologies, topologyOffers } from './topologies.ts';

function hosts(zones: number, perZone: number): Host[] {
  return Array.from({ length: zones * perZone }, (_, n) => {
    const zone = String.fromCharCode(97 + (n % zones));
    const index = Math.floor(n / zones) + 1;
    return { id: `${zone}${index}`, zone, region: 'local', address: `127.20.${(n % zones) + 1}.${index}` };
  });
}
const rooms = (list: Host[], memoryFreeMb = 64_000, machine?: string): HostRoom[] =>
  list.map((host) => ({ host, memoryFreeMb, diskFreeGb: 500, machine }));
const small = requirementsOf('small');
const placed = (...args: Parameters<typeof place>) => {
  const result = place(...args);
  assert.equal(result.kind, 'placed', result.kind === 'refused' ? result.reason : '');
  return result.kind === 'placed' ? result.placements.map(({ host }) => host) : [];
};

test('no zone holds more than k members and no host two, in every layout that is possible', () => {
  for (let zones = 1; zones <= 5; zones++) {
    for (let perZone = 1; perZone <= 3; perZone++) {
      for (const topology of topologies) {
        const list = hosts(zones, perZone);
        const possible = topologyPossible(topology, list).possible;
        const result = place(topology, rooms(list), [], small);
        assert.equal(result.kind === 'placed', possible, `${topology} in ${zones} zones of ${perZone}`);
        if (result.kind === 'refused') continue;
        const where = result.placements.map(({ host }) => host);
        assert.equal(new Set(where.map((host) => host.id)).size, where.length);
        const { standbys, k } = topologyOffers[topology];
        for (const zone of new Set(where.map((host) => host.zone))) {
          const members = where.filter((host) => host.zone === zone).length;
          assert.ok(standbys === 0 || members <= k, `${members} members in one zone of ${topology}`);
        }
      }
    }
  }
});

test('a layout that cannot keep its promise is refused with what the zones can carry', () => {
  const refusal = (topology: Topology, zones: number, perZone: number) => {
    const result = place(topology, rooms(hosts(zones, perZone)), [], small);
    return result.kind === 'refused' ? result.reason : 'placed';
  };
  assert.match(refusal('1+1', 1, 4), /1 zone with 4 hosts, which can carry single$/);
  assert.match(refusal('1+2', 2, 2), /which can carry single, 1\+1, 1\+3$/);
  assert.match(refusal('1+3', 2, 1), /at most 2 per zone and one per host/);
});

test('the leader goes to the emptiest zone, and to the host that has most room there', () => {
  const list = rooms(hosts(3, 2));
  const used = [
    { hostId: 'a1', instances: 2 },
    { hostId: 'b1', instances: 1 },
    { hostId: 'c1', instances: 1 },
    { hostId: 'c2', instances: 1 },
  ];
  const [leader, first, second] = placed('1+2', list, used, small);
  assert.equal(leader?.id, 'b2');
  assert.deepEqual([first?.zone, second?.zone].sort(), ['a', 'c']);
});

test('hosts on one machine share its memory', () => {
  const result = place('1+2', rooms(hosts(3, 2), 1_200, 'this'), [], small);
  assert.equal(result.kind, 'refused');
  assert.match(result.kind === 'refused' ? result.reason : '', /instance 3 of 3.*512 MiB.*176 MiB are free/);
  assert.equal(placed('1+2', rooms(hosts(3, 2), 1_200), [], small).length, 3);
});

test('what a topology survives', () => {
  assert.deepEqual(survives('single'), ['process']);
  assert.deepEqual(survives('1+3'), ['process', 'host', 'zone']);
});
