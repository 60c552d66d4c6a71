/** Agents and servers of a cluster die at each step of its operations, which end as they should. */
import { after, before, describe, it } from 'node:test';
import type { Accepted } from '../src/api/contract/schemas.ts';
import { until } from '../src/lib/wait.ts';
import {
  createdOf,
  patienceMs,
  removed,
  stopped,
  submitCreate,
  submitDelete,
  untilStep,
  worksWithRows,
} from './support/operations.ts';
import { type Platform, startPlatform } from './support/platform.ts';
import { killOne, type Victim } from './support/processes.ts';

/** Those at which there is somebody to kill. */
const createSteps = ['agents', 'replication', 'rule', 'endpoints', 'ready'];
const deleteSteps = ['close', 'leader', 'standbys', 'instances'];

type Target = { victim: Victim; role: 'primary' | 'standby' };

const targets: Target[] = [
  { victim: 'server', role: 'primary' },
  { victim: 'agent', role: 'standby' },
  { victim: 'agent', role: 'primary' },
  { victim: 'server', role: 'standby' },
];

/** The victims take turns from step to step; each round begins with another one. */
const rounds = [
  { engine: 'postgres', first: 0 },
  { engine: 'postgres', first: 1 },
  { engine: 'postgres', first: 2 },
  { engine: 'postgres', first: 3 },
  { engine: 'mysql', first: 0 },
];

describe('a member killed at each step of an operation', () => {
  let platform: Platform;
  before(async () => {
    platform = await startPlatform();
  });
  after(() => platform[Symbol.asyncDispose]());

  /** Kills as soon as there is somebody to kill, or nobody will be any more. */
  const killAt = async ({ operation, cluster }: Accepted, step: string, target: Target) => {
    await untilStep(platform, operation.id, step);
    await until(
      `the ${target.victim} of the ${target.role}`,
      async () => {
        const { operation: open, instances } = await platform.cluster(cluster.name);
        const member = instances.find((instance) => instance.role === target.role);
        if (member !== undefined && killOne(platform, target.victim, member.id)) return true;
        return open?.id !== operation.id || step !== 'agents';
      },
      { deadlineMs: 30_000, everyMs: 1, maxEveryMs: 5 },
    );
    await platform.operationDone(operation.id, patienceMs);
  };

  for (const { engine, first } of rounds) {
    it(`ends create, restart, delete and undelete: ${engine}, round ${first + 1}`, async () => {
      const name = `${engine}-${first + 1}`;
      let turn = first;
      const next = () => targets[turn++ % targets.length]!;
      let rows = 1;
      for (const step of createSteps) {
        await killAt(await submitCreate(platform, engine, name, '1+1'), step, next());
        await worksWithRows(platform, name, rows);
        if (step !== 'ready') await removed(platform, name);
      }
      const { instances } = await createdOf(platform, name);
      for (const { role, name: member } of instances.toSorted((a, b) => (a.role < b.role ? 1 : -1))) {
        const accepted = await platform.api.call('restartCluster', { params: { name }, body: {} });
        await killAt(accepted, `restart ${member}`, { ...next(), role: role as Target['role'] });
        rows += 1;
        await worksWithRows(platform, name, rows);
      }
      for (const step of deleteSteps) {
        await killAt(await submitDelete(platform, name, false), step, next());
        await stopped(platform, name);
        const undelete = await platform.api.call('undeleteCluster', { params: { name } });
        await platform.operationDone(undelete.operation.id, patienceMs);
        rows += 1;
        await worksWithRows(platform, name, rows);
      }
      await removed(platform, name);
    });
  }
});
