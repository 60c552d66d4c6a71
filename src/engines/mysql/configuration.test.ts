import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AckDurability, Assignment } from '../../domain/assignment.ts';
import { type Size, sizeOffers } from '../../domain/sizes.ts';
import { silentLog } from '../../lib/log.ts';
import type { InstanceContext } from '../engine.ts';
import { serverConfiguration } from './configuration.ts';

const secrets = {
  adminPassword: 'admin-secret',
  replicationPassword: 'replication-secret',
  application: { user: 'orders', password: 'application-secret', database: 'orders' },
};

function configured(
  size: Size = 'small',
  ack: AckDurability = 'memory',
  home = '/data/instances/i1',
): string {
  const tls = {
    ca: join(home, 'tls/ca.crt'),
    cert: join(home, 'tls/server.crt'),
    key: join(home, 'tls/server.key'),
  };
  const context: InstanceContext = {
    identity: {
      clusterId: 'c',
      clusterName: 'orders',
      groupId: 'c',
      instanceId: 'aaaaaaaa-0000-7000-8000-000000000001',
      name: 'orders-2',
      ordinal: 2,
      engine: 'mysql',
      version: '9.7',
      size,
      zone: 'a',
      host: '127.20.1.1',
      port: 21007,
      agentPort: 21008,
      markerUuid: 'bbbbbbbb-0000-7000-8000-000000000001',
      systemId: '1',
    },
    secrets,
    size: sizeOffers[size],
    files: {
      home,
      volume: join(home, 'volume'),
      data: join(home, 'volume/data'),
      run: join(home, 'run'),
      log: home,
      tls,
    },
    pack: {
      engine: 'mysql',
      version: '9.7',
      fullVersion: '9.7.4',
      origin: 'host',
      root: '/',
      binDir: '/',
      packages: [],
    },
    log: silentLog,
  };
  return serverConfiguration(context, { ack } as Assignment);
}

function has(text: string, line: string): boolean {
  return text.split('\n').includes(line);
}

test('every server boots gated and no role is in its file', () => {
  const text = configured();
  for (const line of ['offline-mode = ON', 'super-read-only = ON', 'skip-replica-start = ON']) {
    assert.ok(has(text, line), line);
  }
  assert.doesNotMatch(text, /source-enabled|replica-enabled|wait-for-replica-count/);
});

test('what an acknowledgement survives decides how the relay log is synced', () => {
  assert.ok(has(configured('small', 'memory'), 'sync-relay-log = 10000'));
  assert.doesNotMatch(configured('small', 'memory'), /compression/);
  assert.ok(has(configured('small', 'disk'), 'sync-relay-log = 1'));
  assert.ok(has(configured('small', 'disk'), 'binlog-transaction-compression = ON'));
});

test('no size and no kind of acknowledgement weakens what makes a commit durable', () => {
  for (const size of ['small', 'medium', 'large'] as const) {
    for (const ack of ['memory', 'disk'] as const) {
      const text = configured(size, ack);
      for (const line of [
        'sync-binlog = 1',
        'innodb-flush-log-at-trx-commit = 1',
        'relay-log-recovery = OFF',
        'gtid-mode = ON',
        'replica-preserve-commit-order = ON',
        'loose-rpl-semi-sync-source-wait-point = AFTER_SYNC',
        'loose-rpl-semi-sync-source-wait-no-replica = ON',
        'loose-rpl-semi-sync-source-timeout = 4294967295',
      ]) {
        assert.ok(has(text, line), `${size} ${ack}: ${line}`);
      }
    }
  }
});

test('the application cannot use up the connections that Mooring needs', () => {
  const text = configured('medium');
  assert.ok(has(text, 'max-user-connections = 400'));
  assert.ok(has(text, 'max-connections = 420'));
});

test('the buffer pool stays within about 60 % of the memory of the size', () => {
  for (const size of ['medium', 'large'] as const) {
    const pool = Number(/innodb-buffer-pool-size = (\d+)M/.exec(configured(size))?.[1]);
    assert.ok(
      pool > sizeOffers[size].memoryMb * 0.55 && pool < sizeOffers[size].memoryMb * 0.65,
      `${size}: ${pool}`,
    );
  }
});

test('the file holds no secret', () => {
  assert.doesNotMatch(configured(), /secret/);
});

test('paths with spaces and quotes survive the option file', () => {
  assert.match(
    configured('small', 'memory', '/data/my "own" #1'),
    /datadir = "\/data\/my \\"own\\" #1\/volume\/data"/,
  );
});

test('a server under a deep directory listens on a short relative path', () => {
  const home = `/${'deep/'.repeat(30)}home`;
  assert.ok(has(configured('small', 'memory', home), 'socket = ../../run/mysql.sock'));
});
