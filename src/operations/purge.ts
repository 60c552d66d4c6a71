/** Purge: frees everything that is left of a cluster: processes, ports, disk, name. There is no way back. */
import { changeLifecycle } from '../store/clusters.ts';
import { insertEvent } from '../store/events.ts';
import { instancesOfCluster } from '../store/instances.ts';
import { forgetCluster } from './create.ts';
import { stopInstances } from './members.ts';
import type { Operation, Step } from './operation.ts';

const endStep: Step = {
  name: 'end',
  title: 'End what still runs',
  deadlineMs: 120_000,
  overdue: 'alarm',
  async run(run) {
    const { cluster_id: clusterId } = run.operation;
    await run.transaction((tx) =>
      changeLifecycle(tx, clusterId, { from: ['deleted', 'failed', 'deleting'], to: 'purging' }),
    );
    await run.context.runtime.stopForwarder(clusterId);
    await stopInstances(run);
    return run.next();
  },
  /** Nothing is lost yet: the cluster stays deleted, with its volumes, for another retention time. */
  async undo(run) {
    const { clock, settings } = run.context;
    const purgeAfter = new Date(clock.nowMs() + settings.retentionMs);
    await run.transaction((tx) =>
      changeLifecycle(tx, run.operation.cluster_id, { from: ['purging'], to: 'deleted', purgeAfter }),
    );
  },
};

const removeStep: Step = {
  name: 'remove',
  title: 'Remove the volumes',
  deadlineMs: 10 * 60_000,
  overdue: 'alarm',
  async run(run) {
    const rows = await instancesOfCluster(run.context.store.db, run.operation.cluster_id);
    await Promise.all(rows.map((row) => run.context.runtime.removeInstance(row.id)));
    return run.next();
  },
  remains: 'Volumes were removed and cannot come back.',
};

const forgetStep: Step = {
  name: 'forget',
  title: 'Free name and ports',
  deadlineMs: 30_000,
  overdue: 'alarm',
  async run(run) {
    const { cluster_id: clusterId, cluster } = run.operation;
    await run.transaction(async (tx) => {
      if (!(await changeLifecycle(tx, clusterId, { from: ['purging'], to: 'purging' }))) return;
      await forgetCluster(tx, clusterId);
      const message = `${cluster} is purged; nothing of it is left`;
      await insertEvent(tx, { clusterId, severity: 'info', kind: 'cluster-purged', message });
    });
    run.context.statuses.forget(clusterId);
    return run.next();
  },
  remains: 'The cluster is gone.',
};

export const purgeSteps: Step[] = [endStep, removeStep, forgetStep];

export const purgePointOfNoReturn = {
  steps: ['remove', 'forget'],
  why: 'Its volumes are being removed; that cannot be taken back',
};

export const purge: Operation = {
  kind: 'purge',
  deadlineMs: 15 * 60_000,
  onFailure: 'stay',
  steps: () => purgeSteps,
  pointOfNoReturn: purgePointOfNoReturn,
};
