import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testStore } from '../../test/support/store.ts';
import { PlatformError } from '../lib/errors.ts';
import { type Log, silentLog } from '../lib/log.ts';
import { until } from '../lib/wait.ts';
import { clusterByName } from '../store/clusters.ts';
import { listEvents } from '../store/events.ts';
import { instancesOfCluster } from '../store/instances.ts';
import { operationById, releaseAllLeases } from '../store/operations.ts';
import { getInstanceSecrets } from '../store/vault.ts';
import { startRunner } from './runner.ts';
import { submitCancel, submitCreate, submitDelete, submitRestart } from './submit.ts';
import { runToEnd } from './testing.ts';
import { createWorld, type World } from './testing-world.ts';

const create = (world: World, input: Partial<Parameters<typeof submitCreate>[1]['input']> = {}) =>
  submitCreate(world.context, {
    actor: 'ann',
    team: world.team,
    input: { engine: 'mysql', name: 'orders', topology: '1+2', ...input },
  });

const fails = (kind: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof PlatformError, String(error));
  assert.equal(error.kind, kind);
  assert.match(error.publicMessage, message);
  return true;
};

test('bad input is refused field by field, before anything exists', async () => {
  await using store = await testStore();
  const world = await createWorld(store);
  await assert.rejects(
    create(world, { name: 'Orders!', engine: 'oracle', topology: '2+2', size: 'huge' }),
    (error: unknown) => {
      assert.ok(error instanceof PlatformError);
      assert.equal(error.kind, 'invalid');
      assert.deepEqual(
        error.fields.map(({ path }) => path),
        ['name', 'engine', 'topology', 'size'],
      );
      return true;
    },
  );
  await assert.rejects(
    create(world, { version: '5.5' }),
    fails('invalid', /MySQL is offered in 9.7, not in "5.5"/),
  );
  assert.equal(await clusterByName(store.db, 'orders'), undefined);
});

test('of two creates of one name at the same moment exactly one wins', async () => {
  await using store = await testStore();
  const world = await createWorld(store);
  const results = await Promise.allSettled(Array.from({ length: 4 }, () => create(world)));
  const lost = results.filter((result) => result.status === 'rejected');
  assert.equal(lost.length, 3);
  for (const { reason } of lost) fails('conflict', /already a cluster called "orders"/)(reason);
});

test('quota, topology and memory that are not enough are said', async () => {
  await using store = await testStore();
  const world = await createWorld(store);
  const rooms = await world.context.runtime.capacity();
  world.context.capacity = async () => rooms.map((room) => ({ ...room, memoryFreeMb: 1_000 }));
  await assert.rejects(create(world), fails('refused', /no room for instance 2 of 3.*488 MiB are free/));
  world.context.capacity = async () => rooms.filter(({ host }) => host.zone !== 'c');
  await assert.rejects(create(world), fails('refused', /which can carry single, 1\+1, 1\+3/));
  world.context.capacity = async () => rooms;
  await store.db.updateTable('teams').set({ quota_instances: 2 }).execute();
  await assert.rejects(
    create(world),
    fails('refused', /quota of team "default".*3 instances wanted, 0 of 2/),
  );
});

test('a disk that is full while creating is rolled back completely and frees the name', async () => {
  await using store = await testStore();
  const world = await createWorld(store);
  world.fault = (method, name) => {
    if (method === 'ensureVolume' && name === 'orders-2') {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    }
  };
  const { operation } = await create(world);
  const ended = await runToEnd(world, operation.id);
  assert.equal(ended.state, 'failed');
  assert.match(ended.error?.message ?? '', /the disk is full/);
  assert.deepEqual([...world.machines.values()], []);
  assert.equal(await clusterByName(store.db, 'orders'), undefined);
  world.fault = () => {};
  assert.equal((await runToEnd(world, (await create(world)).operation.id)).state, 'done');
});

test('two clusters that are placed at the same moment share no port', async () => {
  await using store = await testStore();
  const world = await createWorld(store);
  const names = ['one', 'two', 'three', 'four'];
  const submitted = await Promise.all(names.map((name) => create(world, { name })));
  await using _ = await startRunner(world.context, { sole: true });
  for (const { operation } of submitted) {
    const done = async () => (await operationById(store.db, operation.id))?.state === 'done';
    await until('every create to end', done, { deadlineMs: 20_000 });
  }
  const rows = (
    await Promise.all(submitted.map(({ cluster }) => instancesOfCluster(store.db, cluster.id)))
  ).flat();
  const ports = rows.flatMap((row) => [`${row.host}:${row.port}`, `${row.host}:${row.agent_port}`]);
  assert.equal(new Set(ports).size, 24);
});

test('a wait names the member and why; when it is overdue there is an alarm and it stays cancellable', async () => {
  await using store = await testStore();
  const world = await createWorld(store);
  const { cluster, operation } = await create(world);
  await runToEnd(world, operation.id);
  world.silent.add('orders-2');
  const restart = await submitRestart(world.context, { actor: 'ann', cluster, instance: 'orders-2' });
  // What five minutes would do.
  await using runner = await startRunner(world.context, { sole: true });
  const waiting = await until(
    'the wait',
    async () => {
      const row = await operationById(store.db, restart.operation.id);
      return row?.state === 'waiting' && row;
    },
    { deadlineMs: 10_000 },
  );
  assert.match(waiting.waiting_for ?? '', /orders-2 \(its agent has not reported\)/);
  await runner.stop();
  await store.db
    .updateTable('operations')
    .set({ step_deadline: new Date(0) })
    .where('id', '=', restart.operation.id)
    .execute();
  await using _ = await startRunner(world.context, { sole: true });
  await until(
    'the alarm',
    async () => {
      const events = await listEvents(store.db, cluster.id, { limit: 10 });
      return events.some(
        (event) => event.severity === 'error' && /orders-2.*moor cancel/.test(event.message),
      );
    },
    { deadlineMs: 10_000 },
  );
  await submitCancel(world.context, restart.operation);
  const ended = await until(
    'the cancel',
    async () => {
      const row = await operationById(store.db, restart.operation.id);
      return row?.state === 'cancelled' && row;
    },
    { deadlineMs: 10_000 },
  );
  assert.match(ended.error?.message ?? '', /orders-2 was restarted or is restarting/);
});

test('a runner that lost its lease writes nothing more', async () => {
  await using store = await testStore();
  const world = await createWorld(store);
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  let held = false;
  world.fault = async (method) => {
    if (method !== 'ensureEngine' || held) return;
    held = true;
    await gate;
  };
  const { operation } = await create(world);
  const said: string[] = [];
  const log: Log = { ...silentLog, error: (_, sentence) => said.push(sentence), child: () => log };
  // A lease this long is not renewed during the test: only the comparison at each write can save us.
  await using _ = await startRunner({ ...world.context, log }, { sole: true, leaseMs: 600_000 });
  await until('the first runner to hang', () => held, { deadlineMs: 10_000 });
  await releaseAllLeases(store.db);
  const ended = await runToEnd(world, operation.id);
  assert.equal(ended.state, 'done');
  release();
  await until('the first runner to notice', () => said.some((each) => each.startsWith('lost an operation')), {
    deadlineMs: 10_000,
  });
  assert.deepEqual(await operationById(store.db, operation.id), ended);
});

test('an operation under way makes others wait, and delete asks for the name', async () => {
  await using store = await testStore();
  const world = await createWorld(store);
  const { cluster, operation } = await create(world);
  const request = { actor: 'ann', cluster, purge: false };
  await assert.rejects(
    submitDelete(world.context, { ...request, confirm: 'order' }),
    fails('invalid', /confirm with exactly its name/),
  );
  await assert.rejects(
    submitDelete(world.context, { ...request, confirm: 'orders' }),
    fails('conflict', /busy: operation create is pending/),
  );
  await runToEnd(world, operation.id);
  assert.ok(await getInstanceSecrets(store.db, world.context.vault, cluster.id));
  await assert.rejects(
    submitRestart(world.context, { actor: 'ann', cluster, instance: 'orders-9' }),
    fails('not_found', /no instance "orders-9"/),
  );
  await assert.rejects(
    submitRestart(world.context, { actor: 'ann', cluster }),
    fails('refused', /rolling restart needs every member well; not well: orders-1, orders-2, orders-3/),
  );
});
