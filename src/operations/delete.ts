/**
 * Delete: clients first (endpoints), then the leader, then the standbys, so that the standbys have
 * received all that was acknowledged. Volumes are kept for the retention time; with `purge` they go too.
 */
import { changeLifecycle } from '../store/clusters.ts';
import { insertEvent } from '../store/events.ts';
import {
  bundleOf,
  deliver,
  ensureAgents,
  ensureForwarder,
  reassign,
  statusOf,
  stopInstances,
} from './members.ts';
import type { Operation, Step } from './operation.ts';
import { purgePointOfNoReturn, purgeSteps } from './purge.ts';

const closeStep: Step = {
  name: 'close',
  title: 'Close the endpoints',
  deadlineMs: 60_000,
  overdue: 'alarm',
  async run(run) {
    await run.context.runtime.stopForwarder(run.operation.cluster_id);
    return run.next();
  },
  async undo(run) {
    const bundle = await bundleOf(run);
    if (bundle.group === undefined) return;
    await ensureForwarder(run, bundle);
    await run.transaction((tx) =>
      changeLifecycle(tx, run.operation.cluster_id, { from: ['deleting', 'deleted'], to: 'active' }),
    );
  },
};

/** A clean stop is tried for this long; then the runtime ends whatever still runs. */
const cleanStopMs = 30_000;
/** An agent that says nothing for this long will not say that it has stopped either. */
const silentMs = 5_000;

function stopStep(name: string, title: string, which: 'leader' | 'standby'): Step {
  return {
    name,
    title,
    deadlineMs: 120_000,
    overdue: 'alarm',
    async run(run) {
      const rows = await reassign(run, (assignment) =>
        assignment.role === which && assignment.run === 'running' ? { run: 'stopped' } : undefined,
      );
      const mine = rows.filter((row) => row.assignment?.role === which);
      const running = [];
      for (const row of mine) if (await run.context.runtime.agentRunning(row.id)) running.push(row);
      await deliver(run, running);
      const waited = running.filter((row) => {
        const status = statusOf(run, row);
        if (status === undefined && run.elapsedMs > silentMs) return false;
        const down = status?.phase === 'stopped' || status?.phase === 'failed';
        return !(down && (status?.generation ?? 0) >= row.generation);
      });
      if (waited.length === 0 || run.elapsedMs > cleanStopMs) return run.next();
      return run.wait(`Waits for ${waited.map((row) => row.name).join(', ')} to stop`, 500);
    },
    async undo(run) {
      const rows = await reassign(run, (assignment) =>
        assignment.role === which && assignment.run === 'stopped' ? { run: 'running' } : undefined,
      );
      const bundle = await bundleOf(run);
      const mine = bundle.instances.filter((row) => row.assignment?.role === which);
      await ensureAgents(run, { ...bundle, instances: mine });
      await deliver(
        run,
        rows.filter((row) => row.assignment?.role === which),
      );
    },
  };
}

const instancesStep: Step = {
  name: 'instances',
  title: 'End servers and agents',
  deadlineMs: 120_000,
  overdue: 'alarm',
  async run(run) {
    await stopInstances(run);
    return run.next();
  },
  // The undo of the steps before starts them again.
  async undo() {},
};

const deletedStep: Step = {
  name: 'deleted',
  title: 'Keep the volumes for the retention time',
  deadlineMs: 30_000,
  overdue: 'alarm',
  async run(run) {
    const { cluster_id: clusterId, cluster } = run.operation;
    const { clock, settings } = run.context;
    await run.transaction(async (tx) => {
      const nowMs = clock.nowMs();
      const purgeAfter = new Date(nowMs + settings.retentionMs);
      const change = { to: 'deleted', deletedAt: new Date(nowMs), purgeAfter } as const;
      if (!(await changeLifecycle(tx, clusterId, { from: ['deleting'], ...change }))) return;
      const message = `${cluster} is deleted; its volumes are kept until ${purgeAfter.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
      await insertEvent(tx, { clusterId, severity: 'info', kind: 'cluster-deleted', message });
    });
    return run.next();
  },
  async undo(run) {
    await run.transaction((tx) =>
      changeLifecycle(tx, run.operation.cluster_id, {
        from: ['deleted'],
        to: 'deleting',
        deletedAt: null,
        purgeAfter: null,
      }),
    );
  },
};

export const deletion: Operation = {
  kind: 'delete',
  deadlineMs: 15 * 60_000,
  onFailure: 'stay',
  steps: (input) => [
    closeStep,
    stopStep('leader', 'Stop the primary', 'leader'),
    stopStep('standbys', 'Stop the standbys', 'standby'),
    instancesStep,
    deletedStep,
    ...(input.purge === true ? purgeSteps : []),
  ],
  pointOfNoReturn: purgePointOfNoReturn,
};
