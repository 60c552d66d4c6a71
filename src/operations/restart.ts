/**
 * Restart: one instance, or all one after the other, standbys first and the leader last, each waited
 * for before the next. One step per instance, so that the plan shows where it is.
 */
import { streams, takesWrites } from '../domain/feed.ts';
import type { InstanceStatus } from '../domain/status.ts';
import { PlatformError } from '../lib/errors.ts';
import { instancesOfCluster } from '../store/instances.ts';
import { deliver, reassign, statusOf, waitForMembers } from './members.ts';
import type { Operation, Step } from './operation.ts';

/** Written by submit: names in the order in which they are restarted. */
export type RestartInput = { instances: { id: string; name: string }[] };

function restartStep(id: string, name: string): Step {
  const key = `restart of ${id}`;
  return {
    name: `restart ${name}`,
    title: `Restart ${name}`,
    deadlineMs: 300_000,
    overdue: 'alarm',
    async run(run) {
      // Written before the assignment is, so that a second run of this step restarts nothing twice.
      if (typeof run.operation.data[key] !== 'number') {
        const before = await instancesOfCluster(run.context.store.db, run.operation.cluster_id);
        const count = before.find((row) => row.id === id)?.assignment?.restartCount ?? 0;
        await run.remember({ [key]: count + 1 });
      }
      const wanted = Number(run.operation.data[key]);
      const rows = await run.once(`reassigned ${id}`, () =>
        reassign(run, (assignment) =>
          assignment.instanceId === id && assignment.restartCount < wanted
            ? { restartCount: wanted }
            : undefined,
        ),
      );
      const row = rows.find((candidate) => candidate.id === id);
      if (row === undefined) throw new PlatformError('not_found', `${name} does not exist any more`);
      await deliver(run, [row]);
      const status = statusOf(run, row);
      if (isBack(status, wanted)) return run.next();
      return waitForMembers(run, 'Waits for it to be back', [{ row, status }]);
    },
    remains: `${name} was restarted or is restarting.`,
  };
}

function isBack(status: InstanceStatus | undefined, wanted: number): boolean {
  if (status === undefined || status.restartsDone < wanted || status.phase !== 'open') return false;
  return status.database?.role === 'primary' ? takesWrites(status) : streams(status);
}

export const restart: Operation = {
  kind: 'restart',
  deadlineMs: 30 * 60_000,
  onFailure: 'stay',
  steps: (input) => (input as RestartInput).instances.map(({ id, name }) => restartStep(id, name)),
};
