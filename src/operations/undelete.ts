/** Undelete: the same members on the same volumes, under the same term, and back into service. */
import { changeLifecycle } from '../store/clusters.ts';
import { bundleOf, deliver, ensureAgents, ensureForwarder, reassign, stopInstances } from './members.ts';
import type { Operation, Step } from './operation.ts';
import { endpointsStep, readyPointOfNoReturn, readyStep, replicationStep, ruleStep } from './serving.ts';

const agentsStep: Step = {
  name: 'agents',
  title: 'Start the servers',
  deadlineMs: 120_000,
  overdue: 'fail',
  async run(run) {
    const { runtime } = run.context;
    const rows = await reassign(run, ({ run: wanted }) =>
      wanted === 'stopped' ? { run: 'running' } : undefined,
    );
    const bundle = await bundleOf(run);
    await runtime.ensureEngine(bundle.cluster.engine, bundle.cluster.version, run.progress);
    const agents = ensureAgents(run, bundle);
    ensureForwarder(run, bundle).catch(() => {});
    await agents;
    await deliver(run, rows);
    return run.next();
  },
  async undo(run) {
    const { clock, settings } = run.context;
    await run.context.runtime.stopForwarder(run.operation.cluster_id);
    await reassign(run, ({ run: wanted }) => (wanted === 'running' ? { run: 'stopped' } : undefined));
    await stopInstances(run);
    // Kept for another retention time: somebody wants this data, and its time may have passed meanwhile.
    const purgeAfter = new Date(clock.nowMs() + settings.retentionMs);
    await run.transaction((tx) =>
      changeLifecycle(tx, run.operation.cluster_id, { from: ['undeleting'], to: 'deleted', purgeAfter }),
    );
  },
};

export const undelete: Operation = {
  kind: 'undelete',
  deadlineMs: 15 * 60_000,
  onFailure: 'undo',
  steps: () => [agentsStep, replicationStep, ruleStep, endpointsStep, readyStep('undeleting')],
  pointOfNoReturn: readyPointOfNoReturn,
};
