import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainHealth } from './explain.ts';
import { topologyFeed } from './feed.ts';
import type { MemberView } from './health.ts';
import { quotaProblem, sumUse, useOf } from './quota.ts';
import type { InstanceStatus } from './status.ts';

const orders = { name: 'orders', lifecycle: 'active' as const, topology: '1+2' as const };

function status(role: 'primary' | 'standby', change: Partial<InstanceStatus> = {}): InstanceStatus {
  return {
    clusterId: 'c',
    instanceId: 'i',
    agentBootId: 'b',
    sequence: 1,
    at: 0,
    phase: 'open',
    why: 'all is well',
    promisedTerm: 1,
    generation: 1,
    convergedGeneration: 1,
    restartsDone: 0,
    server: {
      pid: 1,
      startedAt: 0,
      unplannedRestarts: 0,
      lastExit: null,
      nextStartAt: null,
      version: '',
      residentBytes: 0,
    },
    database: {
      role,
      writable: role === 'primary',
      open: true,
      position: { kind: 'gtid', executed: '', received: '' },
      receiver: role === 'primary' ? null : { state: 'streaming', source: 'orders-1', error: null },
      lagMs: role === 'primary' ? null : 0,
      followers: [],
      connections: 0,
    },
    quorumProbe: null,
    fsync: { lastMs: null, pendingMs: 0 },
    volume: { usedBytes: 0, sizeBytes: 10, freeBytes: 10, full: false },
    ...change,
  };
}

function members(...statuses: (InstanceStatus | undefined)[]): MemberView[] {
  return statuses.map((each, index) => ({
    instanceId: `id-${index + 1}`,
    name: `orders-${index + 1}`,
    role: index === 0 ? 'primary' : 'standby',
    zone: 'a',
    status: each,
  }));
}
const explain = (...statuses: (InstanceStatus | undefined)[]) =>
  explainHealth(orders, members(...statuses), null, 1_000);
const well = [status('primary'), status('standby'), status('standby')];

test('a cluster on which all is well is ready, in one sentence', () => {
  const health = explain(...well);
  assert.equal(health.state, 'ready');
  assert.equal(health.explain.length, 1);
  assert.match(health.explain[0]!, /all 2 standbys follow, a commit waits for one of them/);
});

test('a killed server is named with its signal and when it is started again', () => {
  const crashed = status('standby', { phase: 'crashed', database: null });
  crashed.server = {
    ...crashed.server,
    lastExit: { code: null, signal: 'SIGKILL', at: 1 },
    nextStartAt: 3_000,
  };
  const health = explain(status('primary'), crashed, status('standby'));
  assert.equal(health.state, 'degraded');
  assert.deepEqual(health.explain, [
    'orders takes writes; 1 of 2 standbys follow, 1 must acknowledge',
    'orders-2: the server is down (killed by SIGKILL); it is started again in 2.0 s',
  ]);
});

test('a primary that proves its term says for whom it waits', () => {
  const proving = status('primary', { phase: 'proving' });
  const lost = status('standby', { database: null, phase: 'starting', why: 'recovering' });
  const health = explain(proving, lost, status('standby'));
  assert.equal(health.state, 'unavailable');
  assert.match(health.explain[1]!, /orders-1 waits for one standby to acknowledge.*not following: orders-2/);
});

test('commits that nobody can acknowledge make it unavailable', () => {
  const stopped = status('standby');
  stopped.database!.receiver = { state: 'connecting', source: 'orders-1', error: 'connection refused' };
  const health = explain(status('primary'), stopped, stopped);
  assert.equal(health.state, 'unavailable');
  assert.match(health.explain[0]!, /commits wait, because 1 of 2 standbys must acknowledge and 0 follow/);
  assert.equal(health.explain[1], 'orders-2 is connecting to orders-1: connection refused');
});

test('a silent agent leaves it open whether its server serves', () => {
  const health = explain(undefined, status('standby'), status('standby'));
  assert.equal(health.state, 'degraded');
  assert.match(health.explain[0]!, /not known whether orders-1 takes writes/);
});

test('a full volume and lag are said', () => {
  const full = status('standby', { volume: { usedBytes: 1, sizeBytes: 1, freeBytes: 0, full: true } });
  const late = status('standby');
  late.database!.lagMs = 12_000;
  const health = explain(status('primary'), full, late);
  assert.equal(health.state, 'degraded');
  assert.match(health.explain[1]!, /volume is full/);
  assert.equal(health.explain[2], 'orders-3 is 12 s behind');
});

test('a full disk is told from a full volume, on a primary that is open for reads', () => {
  const full = status('primary', { volume: { usedBytes: 1, sizeBytes: 10, freeBytes: 3 << 20, full: true } });
  full.database!.writable = false;
  const health = explain(full, status('standby'), status('standby'));
  assert.equal(health.state, 'unavailable');
  assert.match(health.explain[0]!, /does not take writes now; reads go on/);
  assert.match(health.explain[1]!, /the disk under its volume is full \(3 MiB are free\)/);
});

test('the feed names the leader while it is open, and readers by lag', () => {
  const feed = (...statuses: InstanceStatus[]) =>
    topologyFeed({
      clusterId: 'c',
      serving: true,
      version: 1,
      rule: { term: 1, leader: 'id-1', cohort: ['id-1', 'id-2', 'id-3'], ackers: ['id-2', 'id-3'], k: 1 },
      members: [1, 2, 3].map((n) => ({
        instanceId: `id-${n}`,
        name: `orders-${n}`,
        host: 'h',
        port: n,
        zone: 'a',
      })),
      statuses: new Map(statuses.map((each, index) => [`id-${index + 1}`, each])),
    });
  const late = status('standby');
  late.database!.lagMs = 50;
  assert.equal(feed(...well).leader?.name, 'orders-1');
  assert.deepEqual(
    feed(status('primary'), late, status('standby')).readers.map(({ name }) => name),
    ['orders-3', 'orders-2'],
  );
  assert.equal(feed(status('primary', { phase: 'proving' }), late).leader, null);
  const full = status('primary', { volume: { usedBytes: 10, sizeBytes: 10, freeBytes: 9, full: true } });
  full.database!.writable = false;
  assert.equal(feed(full, late).leader?.name, 'orders-1', 'for reading and for making room');
  const readOnly = status('primary');
  readOnly.database!.writable = false;
  assert.equal(feed(readOnly, late).leader, null);
  const alone = feed(status('primary'), status('standby', { phase: 'gated' }));
  assert.deepEqual(
    alone.readers.map(({ name }) => name),
    ['orders-1'],
  );
});

test('a quota says what is missing; a deleted cluster counts its disk only', () => {
  const cluster = { topology: '1+2', size: 'small', lifecycle: 'active' } as const;
  const used = sumUse([useOf(cluster), useOf({ ...cluster, lifecycle: 'deleted' })]);
  assert.deepEqual(used, { clusters: 1, instances: 3, memoryMb: 1536, diskGb: 60 });
  const quota = { clusters: 5, instances: 5, memoryMb: 10_000, diskGb: 100 };
  assert.equal(
    quotaProblem('payments', quota, used, useOf(cluster)),
    'The quota of team "payments" is not enough: 3 instances wanted, 3 of 5 used',
  );
});
