/** Operations watched from outside, step by step, for tests that disturb them. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Accepted, OperationSummary } from '../../src/api/contract/schemas.ts';
import { until } from '../../src/lib/wait.ts';
import { query, untilEverywhere } from './databases.ts';
import { type Created, type Platform, processesOf } from './platform.ts';
import { runningTwice } from './processes.ts';

/** How long an operation may take that is disturbed once. */
export const patienceMs = 40_000;

/**
 * Waits until an operation is at this step or past it. A step that was too quick to be seen counts as
 * reached directly after it.
 */
export async function untilStep(platform: Platform, id: string, step: string): Promise<OperationSummary> {
  return await until(
    `operation ${id} to reach "${step}"`,
    async () => {
      const operation = await platform.api.call('getOperation', { params: { id } });
      const planned = operation.plan.find(({ name }) => name === step);
      assert(planned, `${operation.kind} has a step "${step}"`);
      assert.notEqual(operation.state, 'failed', JSON.stringify(operation.error));
      return planned.state !== 'pending' ? operation : undefined;
    },
    { deadlineMs: 60_000, everyMs: 1, maxEveryMs: 2 },
  );
}

export function submitCreate(
  platform: Platform,
  engine: string,
  name: string,
  topology: string,
): Promise<Accepted> {
  return platform.api.call('createCluster', { body: { engine, name, topology } });
}

export function submitDelete(platform: Platform, name: string, purge: boolean): Promise<Accepted> {
  return platform.api.call('deleteCluster', { params: { name }, body: { confirm: name, purge } });
}

/** What `create --json` would have printed, of a cluster whose creation nobody waited for. */
export async function createdOf(platform: Platform, name: string): Promise<Created> {
  const [cluster, account] = await Promise.all([
    platform.cluster(name),
    platform.api.call('getAccount', { params: { name } }),
  ]);
  assert(cluster.endpoints && cluster.rule, `${name} has members`);
  const { engine, version, topology, state, endpoints, instances, rule, secondsToReady } = cluster;
  return {
    name,
    engine,
    version,
    topology,
    state,
    endpoints,
    account,
    instances,
    rule,
    secondsToReady: secondsToReady ?? 0,
  };
}

/** Writes through the endpoint are acknowledged and reach every member. */
export async function worksWithRows(platform: Platform, name: string, rows: number): Promise<Created> {
  const cluster = await platform.untilReady(name);
  assert.deepEqual(cluster.explain.slice(1), []);
  const created = await createdOf(platform, name);
  // A server that was killed at the last step may be coming back at this very moment.
  const write = (sql: string, done: RegExp) =>
    until(
      `the answer to: ${sql}`,
      () =>
        query(created, created.endpoints.readWrite, sql).catch((error) => {
          // Its connection may have broken after the commit.
          if (done.test(String(error))) return true;
          throw error;
        }),
      { deadlineMs: 30_000, everyMs: 50 },
    );
  if (rows === 1) await write('create table t (id int primary key)', /exists/);
  await write(`insert into t values (${rows})`, /duplicate/i);
  await untilEverywhere(created, 'select count(*), max(id) from t', [[String(rows), String(rows)]]);
  await platform.untilReady(name);
  assert.deepEqual(runningTwice(platform), []);
  return created;
}

/** Deletes with purge; afterwards neither a file nor a process is left of it. */
export async function removed(
  platform: Platform,
  name: string,
  ends = (accepted: Accepted) => platform.operationDone(accepted.operation.id, patienceMs),
): Promise<void> {
  const { id, instances } = await platform.cluster(name);
  await ends(await submitDelete(platform, name, true));
  await assert.rejects(platform.cluster(name), /no cluster/i);
  for (const path of [`forwarders/${id}`, ...instances.map((instance) => `instances/${instance.id}`)]) {
    const directory = join(platform.dataDirectory, path);
    assert(!existsSync(directory), `${directory} is gone`);
    assert.deepEqual(processesOf(directory), []);
  }
}

/** Deleted, and nothing of it runs. */
export async function stopped(platform: Platform, name: string): Promise<void> {
  const { state, instances } = await platform.cluster(name);
  assert.equal(state, 'deleted');
  for (const { id } of instances) {
    assert.deepEqual(processesOf(join(platform.dataDirectory, 'instances', id)), []);
  }
}
