/** The platform dies at each step of each operation, is started again, and finishes what was under way. */
import { after, before, describe, it } from 'node:test';
import type { Accepted } from '../src/api/contract/schemas.ts';
import {
  patienceMs,
  removed,
  stopped,
  submitCreate,
  submitDelete,
  untilStep,
  worksWithRows,
} from './support/operations.ts';
import { type Platform, startPlatform } from './support/platform.ts';

const createSteps = ['place', 'volumes', 'agents', 'replication', 'rule', 'endpoints', 'ready'];
const purgeSteps = ['close', 'leader', 'standbys', 'instances', 'deleted', 'end', 'remove', 'forget'];
const undeleteSteps = ['agents', 'replication', 'rule', 'endpoints', 'ready'];

/** The platform dies at this step and is started again. */
async function crashAt(platform: Platform, { operation }: Accepted, step: string): Promise<void> {
  await untilStep(platform, operation.id, step);
  await platform.kill();
  await platform.start();
  await platform.operationDone(operation.id, patienceMs);
}

describe('the platform killed at each step of an operation', () => {
  let platform: Platform;
  before(async () => {
    platform = await startPlatform();
  });
  after(() => platform[Symbol.asyncDispose]());

  for (const [at, step] of createSteps.entries()) {
    const purgeStep = purgeSteps[at]!;
    it(`finishes create (killed at ${step}) and delete with purge (killed at ${purgeStep}): postgres`, async () => {
      const name = `pg-${step}`;
      await crashAt(platform, await submitCreate(platform, 'postgres', name, '1+1'), step);
      await worksWithRows(platform, name, 1);
      await removed(platform, name, (accepted) => crashAt(platform, accepted, purgeStep));
    });

    it(`finishes create (killed at ${step}): mysql`, async () => {
      const name = `my-${step}`;
      await crashAt(platform, await submitCreate(platform, 'mysql', name, '1+1'), step);
      await worksWithRows(platform, name, 1);
      await removed(platform, name);
    });
  }

  it('finishes delete, undelete and restart of one cluster, killed at each step in turn', async () => {
    const name = 'lives';
    await crashAt(platform, await submitCreate(platform, 'postgres', name, '1+1'), 'ready');
    let rows = 1;
    const { instances } = await worksWithRows(platform, name, rows);
    for (const [at, step] of undeleteSteps.entries()) {
      await crashAt(platform, await submitDelete(platform, name, false), purgeSteps[at]!);
      await stopped(platform, name);
      await crashAt(platform, await platform.api.call('undeleteCluster', { params: { name } }), step);
      rows += 1;
      await worksWithRows(platform, name, rows);
    }
    for (const instance of instances) {
      const accepted = await platform.api.call('restartCluster', { params: { name }, body: {} });
      await crashAt(platform, accepted, `restart ${instance.name}`);
      rows += 1;
      await worksWithRows(platform, name, rows);
    }
    await removed(platform, name, (accepted) => crashAt(platform, accepted, 'forget'));
  });
});
