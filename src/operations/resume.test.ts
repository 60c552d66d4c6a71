import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testStore } from '../../test/support/store.ts';
import { until } from '../lib/wait.ts';
import { clusterById } from '../store/clusters.ts';
import { operationById } from '../store/operations.ts';
import { Crash } from './drive.ts';
import { startRunner } from './runner.ts';
import { submitCancel, submitCreate, submitDelete, submitPurge, submitUndelete } from './submit.ts';
import { runToEnd } from './testing.ts';
import { createWorld, type World } from './testing-world.ts';

const input = { engine: 'mysql', name: 'orders', topology: '1+2' };
const create = (world: World) => submitCreate(world.context, { actor: 'ann', team: world.team, input });

async function deleted(world: World) {
  const { cluster, operation } = await create(world);
  await runToEnd(world, operation.id);
  const request = { actor: 'ann', cluster, confirm: 'orders', purge: false };
  await runToEnd(world, (await submitDelete(world.context, request)).operation.id);
  return cluster;
}

test('a create goes on after a platform that was down for longer than its deadlines', async () => {
  await using store = await testStore();
  const world = await createWorld(store);
  world.silent.add('orders-2');
  const { operation } = await create(world);
  {
    await using _ = await startRunner(world.context, { sole: true });
    await until(
      'the wait',
      async () => (await operationById(store.db, operation.id))?.step === 'replication',
      {
        deadlineMs: 10_000,
      },
    );
  }
  await store.db
    .updateTable('operations')
    .set({ step_deadline: new Date(0), deadline: new Date(0) })
    .execute();
  await using _ = await startRunner(world.context, { sole: true });
  await until(
    'the resumed wait',
    async () => (await operationById(store.db, operation.id))?.state === 'waiting',
    {
      deadlineMs: 10_000,
    },
  );
  world.silent.clear();
  world.report(operation.cluster_id);
  const ended = await until(
    'the end',
    async () => {
      const row = await operationById(store.db, operation.id);
      return row?.finished_at ? row : undefined;
    },
    { deadlineMs: 10_000 },
  );
  assert.equal(ended.state, 'done', ended.error?.message);
});

test('agents and forwarder that are killed while a create waits for them are started again', async () => {
  await using store = await testStore();
  const world = await createWorld(store);
  const { operation } = await create(world);
  const killed = new Set<string>();
  const ended = await runToEnd(world, operation.id, [
    {
      afterWork(_, step) {
        if (!['agents', 'rule'].includes(step) || killed.has(step)) return;
        killed.add(step);
        if (step === 'agents') for (const machine of world.machines.values()) machine.agent = false;
        else world.forwarders.clear();
      },
    },
  ]);
  assert.equal(ended.state, 'done', ended.error?.message);
  assert.ok([...world.machines.values()].every((machine) => machine.agent));
});

test('a cluster that is ready is not undone by a cancel that comes with a crash', async () => {
  await using store = await testStore();
  const world = await createWorld(store);
  const { cluster, operation } = await create(world);
  const ended = await runToEnd(world, operation.id, [
    {
      async afterWork(row, step) {
        if (step !== 'ready') return;
        await assert.rejects(submitCancel(world.context, row), /too late to cancel.*ready/);
        throw new Crash('after the cluster is ready');
      },
    },
    {},
  ]);
  assert.equal(ended.state, 'done');
  assert.equal((await clusterById(store.db, cluster.id))?.lifecycle, 'active');
  assert.equal(world.machines.size, 3);
});

test('an undelete that fails on the last day does not let the retention end', async () => {
  await using store = await testStore();
  const world = await createWorld(store);
  const cluster = await deleted(world);
  await store.db
    .updateTable('clusters')
    .set({ purge_after: new Date(0) })
    .execute();
  world.stuck.set('orders-1', 'failed');
  const { operation } = await submitUndelete(world.context, { actor: 'ann', cluster });
  assert.equal((await runToEnd(world, operation.id)).state, 'failed');
  const after = await clusterById(store.db, cluster.id);
  assert.equal(after?.lifecycle, 'deleted');
  assert.ok((after?.purge_after?.getTime() ?? 0) > Date.now());
  await assert.rejects(
    submitPurge(world.context, { actor: 'retention', cluster, onlyWhenDue: true }),
    /kept for longer/,
  );
});

test('a cluster that never was ready is purged when it is deleted', async () => {
  await using store = await testStore();
  const world = await createWorld(store);
  const { cluster, operation } = await create(world);
  // As a create leaves it whose undo could not be finished.
  await store.db.updateTable('operations').set({ state: 'failed' }).where('id', '=', operation.id).execute();
  const request = { actor: 'ann', cluster, confirm: 'orders', purge: false };
  await runToEnd(world, (await submitDelete(world.context, request)).operation.id);
  assert.equal((await clusterById(store.db, cluster.id))?.lifecycle, 'purged');
});
