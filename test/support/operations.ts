/** Operations watched from outside, step by step, for tests that disturb them. */
import assert from 'node:assert/strict';
import type { Accepted, OperationSummary } from '../../src/api/contract/schemas.ts';
import { until } from '../../src/lib/wait.ts';
import type { Created, Platform } from './platform.ts';

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
