import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterBundle } from '../store/facts.ts';
import { Cluster } from './contract/schemas.ts';
import { accountOf, clusterView, connectionUrl } from './views.ts';

const createdAt = new Date('2026-01-01T00:00:00Z');

const bundle: ClusterBundle = {
  cluster: {
    id: 'c1',
    team_id: 't1',
    name: 'orders-eu',
    engine: 'mysql',
    version: '9.7',
    topology: '1+1',
    size: 'small',
    ack: 'memory',
    lifecycle: 'active',
    created_by: 'olga',
    created_at: createdAt,
    ready_at: new Date(createdAt.getTime() + 3_400),
    deleted_at: null,
    purge_after: null,
  },
  group: {
    id: 'g1',
    cluster_id: 'c1',
    version: 1,
    term: 1,
    rule: { term: 1, leader: 'i1', cohort: ['i1', 'i2'], ackers: ['i2'], k: 1 },
    marker_uuid: 'm',
    system_id: '1',
  },
  instances: ['i1', 'i2'].map((id, index) => ({
    id,
    group_id: 'g1',
    cluster_id: 'c1',
    name: `orders-eu-${index + 1}`,
    ordinal: index + 1,
    host_id: 'a1',
    zone: 'a',
    region: 'local',
    host: '127.20.1.1',
    port: 21_000 + index,
    agent_port: 22_000 + index,
    memory_mb: 512,
    disk_gb: 10,
    assignment: null,
    generation: 0,
  })),
  endpoints: (['readWrite', 'readOnly'] as const).map((purpose, index) => ({
    id: purpose,
    cluster_id: 'c1',
    purpose,
    host: '127.0.0.1',
    port: 23_000 + index,
  })),
  statuses: new Map(),
  operation: undefined,
};

test('a cluster is shown with roles from the rule, endpoints with URLs, and the time it took', () => {
  const view = clusterView(bundle, 'ours', createdAt.getTime());
  assert.equal(view.endpoints?.readWrite.url, 'mysql://orders_eu@127.0.0.1:23000/orders_eu');
  assert.deepEqual(
    view.instances.map((instance) => [instance.name, instance.role, instance.state]),
    [
      ['orders-eu-1', 'primary', 'unreachable'],
      ['orders-eu-2', 'standby', 'unreachable'],
    ],
  );
  assert.equal(view.secondsToReady, 3.4);
  assert.deepEqual(view.rule, { term: 1, leader: 'orders-eu-1', k: 1 });
  assert.deepEqual(Cluster.parse(view), view);
});

test('before it is placed a cluster has neither endpoints nor a rule', () => {
  const view = clusterView(
    {
      ...bundle,
      group: undefined,
      instances: [],
      endpoints: [],
      cluster: { ...bundle.cluster, lifecycle: 'creating' },
    },
    'ours',
    0,
  );
  assert.equal(view.endpoints, null);
  assert.equal(view.rule, null);
  assert.equal(view.state, 'creating');
});

test('URLs name the scheme that clients of the engine know, and fit what the engine allows', () => {
  assert.equal(connectionUrl('postgres', 'orders', '::1', 5), 'postgresql://orders@[::1]:5/orders');
  assert.equal(accountOf('a'.repeat(40)).user.length, 32);
});
