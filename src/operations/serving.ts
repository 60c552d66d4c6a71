/** The steps that bring a cluster into service; create and undelete share them. */
import { messageOf } from '../lib/errors.ts';
import { changeLifecycle } from '../store/clusters.ts';
import { insertEvent } from '../store/events.ts';
import {
  bundleOf,
  deliver,
  ensureForwarder,
  keepAgents,
  keepForwarder,
  notFollowing,
  notOpen,
  notWritable,
  waitForMembers,
} from './members.ts';
import type { Step } from './operation.ts';

export const replicationStep: Step = {
  name: 'replication',
  title: 'Standbys follow the primary',
  deadlineMs: 180_000,
  overdue: 'fail',
  async run(run) {
    const bundle = await run.once('bundle', () => bundleOf(run));
    await keepAgents(run, bundle);
    await deliver(run, bundle.instances);
    const missing = notFollowing(run, bundle);
    return missing.length === 0 ? run.next() : waitForMembers(run, 'Waits for standbys to follow', missing);
  },
};

export const ruleStep: Step = {
  name: 'rule',
  title: 'First write acknowledged by the quorum',
  deadlineMs: 120_000,
  overdue: 'fail',
  async run(run) {
    const bundle = await run.once('bundle', () => bundleOf(run));
    await keepAgents(run, bundle);
    await deliver(run, bundle.instances);
    const missing = notWritable(run, bundle);
    return missing.length === 0
      ? run.next()
      : waitForMembers(run, 'Waits for the primary to prove its term', missing);
  },
};

/** The endpoint answers as the engine would: forwarder, feed and server work together. */
export const endpointsStep: Step = {
  name: 'endpoints',
  title: 'Open the endpoints',
  deadlineMs: 60_000,
  overdue: 'fail',
  async run(run) {
    const { context } = run;
    const bundle = await run.once('bundle', () => bundleOf(run));
    await keepAgents(run, bundle);
    const closed = notOpen(run, bundle);
    if (closed.length > 0) return waitForMembers(run, 'Waits for members to open', closed);
    await ensureForwarder(run, bundle);
    await keepForwarder(run, bundle);
    // Whoever answers there must be ours: a port that was free when it was chosen may be taken by now.
    if (!(await context.runtime.forwarderServes(bundle.cluster.id))) {
      const addresses = bundle.endpoints.map(({ host, port }) => `${host}:${port}`).join(' and ');
      return run.wait(`The forwarder does not hold ${addresses} yet`, 15);
    }
    for (const endpoint of bundle.endpoints) {
      try {
        const limit = AbortSignal.any([run.signal, AbortSignal.timeout(1_000)]);
        await context.probe(bundle.cluster.engine, endpoint.host, endpoint.port, limit);
      } catch (error) {
        const which = endpoint.purpose === 'readWrite' ? 'read-write' : 'read-only';
        // Only when it takes long is the reason worth showing; the first looks come too early as a rule.
        const why = run.elapsedMs > 2_000 ? ` (${messageOf(error)})` : '';
        return run.wait(`The ${which} endpoint does not answer yet${why}`, 15);
      }
    }
    return run.next();
  },
};

/** From here on the cluster may be in use, and undoing would take its data away. */
export const readyPointOfNoReturn = { steps: ['ready'], why: 'The cluster is ready' };

export function readyStep(from: 'creating' | 'undeleting'): Step {
  return {
    name: 'ready',
    title: 'Ready',
    deadlineMs: 30_000,
    overdue: 'alarm',
    async run(run) {
      const { cluster_id: clusterId, cluster } = run.operation;
      const now = new Date(run.context.clock.nowMs());
      await run.transaction(async (tx) => {
        const changed = await changeLifecycle(tx, clusterId, {
          from: [from],
          to: 'active',
          ...(from === 'creating' ? { readyAt: now } : {}),
          deletedAt: null,
          purgeAfter: null,
        });
        if (!changed) return;
        const message =
          from === 'creating' ? `${cluster} is ready` : `${cluster} is back with its data and ready`;
        await insertEvent(tx, { clusterId, severity: 'info', kind: 'cluster-ready', message });
      });
      return run.next();
    },
  };
}
