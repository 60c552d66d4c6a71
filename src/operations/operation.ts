/**
 * The shape of an operation: steps by name, in order, each of which may run many times.
 *
 * A step must be idempotent: it is run again after a crash, after an error that may pass, and each
 * time something that it waits for may have changed. What it leaves behind is in the store and in the
 * runtime, never in memory. It returns exactly one of four things.
 */
import type { OperationKind, PlanStep } from '../domain/operations.ts';
import type { PlatformError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { NamedOperation } from '../store/operations.ts';
import type { Tx } from '../store/store.ts';
import type { OperationContext } from './context.ts';

export type StepResult =
  /** Go on with this step; `next` is the one that follows in the plan. */
  | { kind: 'goto'; step: string }
  /** Look again when something is reported, at the latest after `againMs`. The sentence names who and why. */
  | { kind: 'wait'; for: string; againMs: number }
  | { kind: 'done' }
  | { kind: 'fail'; error: PlatformError };

export type StepRun = {
  context: OperationContext;
  operation: NamedOperation;
  signal: AbortSignal;
  log: Log;
  /** Milliseconds since this step was entered for the first time, over all crashes. */
  elapsedMs: number;
  /** The step after this one, or done. */
  next(): StepResult;
  wait(sentence: string, againMs?: number): StepResult;
  /** The only way to write to the store: it commits only while this runner holds the lease. */
  transaction<T>(write: (tx: Tx) => Promise<T>): Promise<T>;
  /** Adds to what later steps find in `operation.data`. */
  remember(data: Record<string, unknown>): Promise<void>;
  /** Shows what is being done, as the sentence of a wait is shown. */
  progress(sentence: string): void;
  /** Starts something once per life of this runner and gives the same promise to later steps. */
  once<T>(key: string, start: () => Promise<T>): Promise<T>;
};

export type UndoRun = Omit<StepRun, 'next' | 'wait' | 'elapsedMs'>;

export type Step = {
  name: string;
  title: string;
  deadlineMs: number;
  /** When the deadline passes: give up, or raise an alarm, keep trying and stay cancellable. */
  overdue: 'fail' | 'alarm';
  run(run: StepRun): Promise<StepResult>;
  undo?(run: UndoRun): Promise<void>;
  /** For a step without undo: what is left after a cancel, as a sentence. */
  remains?: string;
};

export type Operation = {
  kind: OperationKind;
  deadlineMs: number;
  steps(input: Record<string, unknown>): Step[];
  /** What a failing operation does with its finished steps. */
  onFailure: 'undo' | 'stay';
  /** Steps in which a cancel comes too late, with the sentence that says so. */
  pointOfNoReturn?: { steps: string[]; why: string };
};

export function planOf(operation: Operation, input: Record<string, unknown>): PlanStep[] {
  return operation.steps(input).map((step) => ({
    name: step.name,
    title: step.title,
    state: 'pending',
    startedAt: null,
    finishedAt: null,
  }));
}
