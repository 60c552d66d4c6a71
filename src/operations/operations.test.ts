import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testStore } from '../../test/support/store.ts';
import type { OperationKind } from '../domain/operations.ts';
import { clusterByName } from '../store/clusters.ts';
import type { Hooks } from './drive.ts';
import {
  submitCancel,
  submitCreate,
  submitDelete,
  submitPurge,
  submitRestart,
  submitUndelete,
} from './submit.ts';
import { operations } from './table.ts';
import { runToEnd, type Scenario, testOperation } from './testing.ts';
import type { World } from './testing-world.ts';

const input = { engine: 'mysql', name: 'orders', topology: '1+2' };
const create = (world: World) => submitCreate(world.context, { actor: 'ann', team: world.team, input });
const cluster = async (world: World) => (await clusterByName(world.context.store.db, 'orders'))!;

async function created(world: World) {
  await runToEnd(world, (await create(world)).operation.id);
}
async function reported(world: World) {
  await created(world);
  // A restart looks at statuses in the store, which the controller writes.
  const { store, statuses } = world.context;
  for (const id of world.machines.keys()) {
    const status = statuses.fresh(id)!;
    await store.db
      .insertInto('instance_status')
      .values({
        instance_id: id,
        cluster_id: status.clusterId,
        received_at: new Date(),
        status: JSON.stringify(status),
      })
      .execute();
  }
}
const remove = (purge: boolean) => async (world: World) =>
  submitDelete(world.context, { actor: 'ann', cluster: await cluster(world), confirm: 'orders', purge });
async function deleted(world: World) {
  await created(world);
  await runToEnd(world, (await remove(false)(world)).operation.id);
}

/** Asks for a cancel once this step's work is done. */
const cancelAfter =
  (step: string) =>
  (world: World): Hooks => ({
    async afterWork(row, at) {
      if (at === step && !row.cancel_requested) await submitCancel(world.context, row).catch(() => {});
    },
  });

const scenarios = {
  create: { submit: create, ends: 'done' },
  restart: {
    prepare: reported,
    submit: async (world) => submitRestart(world.context, { actor: 'ann', cluster: await cluster(world) }),
    ends: 'done',
  },
  delete: { prepare: created, submit: remove(false), ends: 'done' },
  undelete: {
    prepare: deleted,
    submit: async (world) => submitUndelete(world.context, { actor: 'ann', cluster: await cluster(world) }),
    ends: 'done',
  },
  purge: {
    prepare: deleted,
    submit: async (world) => submitPurge(world.context, { actor: 'ann', cluster: await cluster(world) }),
    ends: 'done',
  },
} satisfies Record<OperationKind, Scenario>;

test('every operation is covered', () => {
  assert.deepEqual(Object.keys(scenarios).sort(), Object.keys(operations).sort());
});

for (const [kind, scenario] of Object.entries(scenarios)) {
  test(`${kind} ends the same when each step runs twice and after a crash at each point`, async () => {
    const { points } = await testOperation(testStore, scenario);
    assert.ok(points.length >= 3, points.join(', '));
  });
}

const undone: Record<string, Scenario> = {
  'create that fails at the endpoints': {
    submit: async (world) => {
      world.stuck.set('orders-1', 'failed');
      return create(world);
    },
    ends: 'failed',
  },
  'create that is cancelled': { submit: create, ends: 'cancelled', hooks: cancelAfter('endpoints') },
  'delete that is cancelled': {
    prepare: created,
    submit: remove(false),
    ends: 'cancelled',
    hooks: cancelAfter('instances'),
  },
  'undelete that is cancelled': {
    prepare: deleted,
    submit: scenarios.undelete.submit,
    ends: 'cancelled',
    hooks: cancelAfter('endpoints'),
  },
  'delete with purge': { prepare: created, submit: remove(true), ends: 'done' },
};

for (const [name, scenario] of Object.entries(undone)) {
  test(`${name} ends the same when each step runs twice and after a crash at each point`, async () => {
    await testOperation(testStore, scenario);
  });
}
