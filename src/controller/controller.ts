/**
 * The controller: hears the agents, keeps what runs equal to what the store says, and runs operations.
 *
 * Reading order: statuses.ts (observe), reconcile.ts (act), ../operations/runner.ts (change).
 */

import type { HostRoom } from '../domain/placement.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { OperationContext } from '../operations/context.ts';
import { type Runner, startRunner } from '../operations/runner.ts';
import type { SubmitContext } from '../operations/submit.ts';
import type { Certificate } from '../runtimes/runtime.ts';
import { type Listener, startListener } from './listener.ts';
import { createReconciler, type Reconciler } from './reconcile.ts';
import { openStatusBook, type StatusBook } from './statuses.ts';

export type ControllerParts = Omit<OperationContext, 'statuses' | 'clock'> & {
  listener: { host: string; port: number; certificate: Certificate };
  /**
   * No other controller works on this store (embedded: the lock of the data directory proves it), so
   * that what a dead predecessor held is taken over at once.
   */
  sole: boolean;
  clock?: Clock;
};

export type Controller = AsyncDisposable & {
  statuses: StatusBook;
  runner: Runner;
  reconciler: Reconciler;
  /** The agents' listener. */
  listener: Listener;
};

export async function startController(parts: ControllerParts): Promise<Controller> {
  await using started = new AsyncDisposableStack();
  const clock = parts.clock ?? systemClock;
  const { store, log, runtime } = parts;
  const statuses = started.use(await openStatusBook({ store, clock, log }));
  const listener = started.use(
    await startListener({ ...parts.listener, log, onStatus: (status) => statuses.accept(status) }),
  );
  const context = { ...parts, clock, statuses, capacity: (): Promise<HostRoom[]> => runtime.capacity() };
  const runner = started.use(
    await startRunner(context satisfies OperationContext & SubmitContext, { sole: parts.sole }),
  );
  const reconciler = started.use(createReconciler(context));
  const running = started.move();
  return {
    statuses,
    runner,
    reconciler,
    listener,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
