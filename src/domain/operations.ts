/** Operations as people see them: one change with a plan, steps and a deadline. */

export type OperationKind = 'create' | 'restart' | 'delete' | 'undelete' | 'purge';

export type OperationState =
  | 'pending'
  | 'running'
  | 'waiting' // a step waits for something named in waitingFor
  | 'cancelling'
  | 'done'
  | 'failed'
  | 'cancelled';

export type PlanStep = {
  /** Stable name of the step, e.g. "volumes". */
  name: string;
  /** What it does, for people, in English; the console translates by name. */
  title: string;
  state: 'pending' | 'running' | 'done' | 'failed' | 'undone';
  startedAt: string | null;
  finishedAt: string | null;
};

export const finalStates: readonly OperationState[] = ['done', 'failed', 'cancelled'];
