/**
 * The test of every operation: each step run twice, and a crash at each point followed by a new runner,
 * must end exactly as the undisturbed run does. An operation that is not covered here is not done.
 */
import { deepEqual, equal } from 'node:assert/strict';
import { finalStates, type OperationState } from '../domain/operations.ts';
import { until } from '../lib/wait.ts';
import { type ClusterRow, clusterById } from '../store/clusters.ts';
import { endpointsOfCluster } from '../store/endpoints.ts';
import { listEvents } from '../store/events.ts';
import { groupOfCluster } from '../store/groups.ts';
import { instancesOfCluster } from '../store/instances.ts';
import { type NamedOperation, operationById } from '../store/operations.ts';
import type { Store } from '../store/store.ts';
import { Crash, type Hooks } from './drive.ts';
import { startRunner } from './runner.ts';
import type { Submitted } from './submit.ts';
import { createWorld, type World } from './testing-world.ts';

export type Scenario = {
  /** Brings the world to where the operation can start. */
  prepare?(world: World): Promise<void>;
  submit(world: World): Promise<Submitted>;
  /** At the end of the undisturbed run. */
  ends: OperationState;
  /** Besides crash and repetition, in every run: for scenarios of failure and cancel. */
  hooks?(world: World): Hooks;
};

const deadlineMs = 20_000;

/** Runs to the end whatever operation was submitted, with as many runners as it takes. */
export async function runToEnd(world: World, id: string, lives: Hooks[] = [{}]): Promise<NamedOperation> {
  const { store } = world.context;
  for (const [life, hooks] of lives.entries()) {
    await using runner = await startRunner(world.context, { sole: true, hooks });
    const end = until(
      `operation ${id} to end`,
      async () => {
        const row = await operationById(store.db, id);
        return row !== undefined && finalStates.includes(row.state) ? row : undefined;
      },
      { deadlineMs, everyMs: 3, maxEveryMs: 20 },
    );
    const row = await Promise.race([end, runner.crashed]);
    end.catch(() => {});
    if (row !== undefined) return row;
    if (life === lives.length - 1) throw new Error('the last runner crashed too');
  }
  throw new Error('no runner');
}

export async function testOperation(
  stores: () => Promise<Store & AsyncDisposable>,
  scenario: Scenario,
): Promise<{ points: string[] }> {
  const points: string[] = [];
  const disturbed = async (lives: (own: Hooks) => Hooks[]) => {
    await using store = await stores();
    const world = await createWorld(store);
    await scenario.prepare?.(world);
    const { cluster, operation } = await scenario.submit(world);
    const ended = await runToEnd(world, operation.id, lives(scenario.hooks?.(world) ?? {}));
    equal(ended.state, scenario.ends, ended.error?.message ?? '');
    return await endState(world, cluster, ended);
  };

  const record = (own: Hooks): Hooks[] => [
    {
      ...own,
      afterWork: async (row, step) => {
        await own.afterWork?.(row, step);
        if (points.at(-1) !== step) points.push(step);
      },
    },
  ];
  const expected = await disturbed(record);

  deepEqual(await disturbed((own) => [{ ...own, again: () => true }]), expected, 'each step run twice');
  for (const point of points) {
    const dieHere = (own: Hooks, when: 'afterWork' | 'afterRow'): Hooks => ({
      ...own,
      [when]: async (row: NamedOperation, step: string) => {
        await own[when]?.(row, step);
        if (step === point) throw new Crash(`${when} ${step}`);
      },
    });
    const dieAtOnce = (own: Hooks): Hooks => ({
      ...own,
      afterWork: () => {
        throw new Crash('right after the start');
      },
    });
    const before = await disturbed((own) => [dieHere(own, 'afterWork'), dieAtOnce(own), own]);
    deepEqual(before, expected, `crashes after the work of "${point}", twice`);
    // The last row of an operation ends it: there is nothing left to crash.
    const after = await disturbed((own) => [dieHere(own, 'afterRow'), own]);
    deepEqual(after, expected, `a crash after the row of "${point}"`);
  }
  return { points };
}

/** Everything that an operation leaves behind, without what differs from run to run (ids, times). */
async function endState(world: World, { id }: ClusterRow, operation: NamedOperation): Promise<unknown> {
  const { db } = world.context.store;
  const cluster = await clusterById(db, id);
  const group = await groupOfCluster(db, id);
  const rows = await instancesOfCluster(db, id);
  const nameOf = (instanceId: string) => rows.find((row) => row.id === instanceId)?.name ?? 'unknown';
  const secrets = await db.selectFrom('secrets').select('name').where('cluster_id', '=', id).execute();
  const retired = await db
    .selectFrom('retired_instances')
    .select('id')
    .where('cluster_id', '=', id)
    .execute();
  return {
    lifecycle: cluster?.lifecycle,
    ready: cluster?.ready_at !== null,
    deleted: cluster?.deleted_at !== null,
    purgeDue: cluster?.purge_after !== null,
    rule: group && { version: group.version, term: group.term, leader: nameOf(group.rule.leader) },
    instances: rows.map((row) => ({
      name: row.name,
      host: row.host_id,
      port: row.port,
      agentPort: row.agent_port,
      generation: row.generation,
      role: row.assignment?.role,
      run: row.assignment?.run,
      restartCount: row.assignment?.restartCount,
    })),
    endpoints: (await endpointsOfCluster(db, id)).map(({ purpose, port }) => ({ purpose, port })),
    secrets: secrets.map(({ name }) => name),
    retired: retired.length,
    machines: [...world.machines.values()]
      .map(({ volume, agent, restarts, launch }) => ({
        name: launch?.identity.name,
        volume,
        agent,
        restarts,
      }))
      .sort((a, b) => String(a.name).localeCompare(String(b.name))),
    forwarders: world.forwarders.size,
    // A cancel takes effect a step sooner or later, depending on who sees it first.
    plan: operation.state === 'done' ? operation.plan.map(({ name, state }) => ({ name, state })) : [],
    underWay: operation.plan.filter((step) => step.state === 'running').length,
    operation: { state: operation.state, error: operation.error, waitingFor: operation.waiting_for },
    leased: operation.lease_owner !== null,
    events: (await listEvents(db, id, { limit: 100 })).map(({ kind, message }) => ({
      kind,
      message: message.replace(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/, 'TIME'),
    })),
  };
}
