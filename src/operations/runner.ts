/**
 * Runs operations: takes rows that are due, drives each step by step, writes down where it is.
 *
 * The row is the truth. A runner may die at any point; the next one finds the step that was under way
 * and runs it again. While a step waits, the runner keeps the row's lease and listens for what may have
 * changed (a status, a cancel), so that a wait ends within milliseconds and costs the store nothing.
 */
import { randomUUID } from 'node:crypto';
import { messageOf } from '../lib/errors.ts';
import { nextDueMs, releaseAllLeases, releaseLeasesOf, takeOperation } from '../store/operations.ts';
import type { OperationContext } from './context.ts';
import { Crash, Driven, type Hooks } from './drive.ts';

export type RunnerOptions = {
  /**
   * No other runner lives (embedded: the lock of the data directory proves it): leases that a dead
   * predecessor held are taken over at once instead of when they end.
   */
  sole: boolean;
  concurrency?: number;
  leaseMs?: number;
  /** For tests: called at the points where a crash is interesting. */
  hooks?: Hooks;
};

export type Runner = AsyncDisposable & {
  /** Something was reported about this cluster, or (undefined) anything may be due. */
  nudge(clusterId?: string): void;
  /** Resolves when the runner has died of a `Crash` that a hook threw. */
  readonly crashed: Promise<void>;
  stop(): Promise<void>;
};

/** A lost notification delays a new operation by this much at most. */
const longestIdleMs = 1_000;

export async function startRunner(context: OperationContext, options: RunnerOptions): Promise<Runner> {
  const { store, log } = context;
  const owner = randomUUID();
  const leaseMs = options.leaseMs ?? 6_000;
  const concurrency = options.concurrency ?? 8;
  const stopping = new AbortController();
  const driving = new Map<string, { driven: Driven; ended: Promise<void> }>();
  const waiters = new Map<string, Set<() => void>>();
  let wake = () => {};
  let awake = false;
  let reportCrash = () => {};
  const crashed = new Promise<void>((resolve) => {
    reportCrash = resolve;
  });

  if (options.sole) await releaseAllLeases(store.db);

  const nudge = (clusterId?: string) => {
    if (clusterId === undefined) {
      awake = true;
      wake();
      for (const set of waiters.values()) for (const go of set) go();
    } else {
      for (const go of waiters.get(clusterId) ?? []) go();
    }
  };
  const onNudge = (clusterId: string, go: () => void) => {
    const set = waiters.get(clusterId) ?? new Set();
    waiters.set(clusterId, set.add(go));
    return () => {
      set.delete(go);
      if (set.size === 0) waiters.delete(clusterId);
    };
  };

  /** Takes everything that is due and that there is room for. */
  const takeDue = async (): Promise<number> => {
    while (driving.size < concurrency && !stopping.signal.aborted) {
      const operation = await takeOperation(store.db, owner, leaseMs);
      if (operation === undefined) {
        return Math.min(longestIdleMs, Math.max(5, (await nextDueMs(store.db)) ?? longestIdleMs));
      }
      const driven = new Driven(
        { context, owner, leaseMs, signal: stopping.signal, onNudge, hooks: options.hooks ?? {} },
        operation,
      );
      const ended = driven
        .toEnd()
        .finally(() => driven[Symbol.asyncDispose]())
        .catch((error) => {
          if (error instanceof Crash) {
            stopping.abort(error);
            reportCrash();
          } else if (!stopping.signal.aborted) {
            log.error({ error, operation: operation.id }, 'lost an operation; it is taken up again');
          }
        })
        .finally(() => {
          driving.delete(operation.id);
          awake = true;
          wake();
        });
      driving.set(operation.id, { driven, ended });
    }
    return longestIdleMs;
  };

  const loop = async () => {
    while (!stopping.signal.aborted) {
      awake = false;
      let idleMs = longestIdleMs;
      try {
        idleMs = await takeDue();
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'cannot look for operations');
      }
      if (awake || stopping.signal.aborted) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, idleMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };

  const unsubscribe = context.statuses.subscribe(nudge);
  const listening = await store.listen(
    (change) => {
      if (change.kind !== 'operation') return;
      const held = driving.get(change.id);
      if (held !== undefined) return held.driven.look();
      awake = true;
      wake();
    },
    () => nudge(),
  );
  const looping = loop();

  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= (async () => {
      const dead = stopping.signal.reason instanceof Crash;
      stopping.abort(new Error('the runner stops'));
      unsubscribe();
      wake();
      await looping;
      await Promise.all([...driving.values()].map((each) => each.ended));
      await listening.close();
      if (!dead) await releaseLeasesOf(store.db, owner).catch(() => {});
    })();
    return stopped;
  };
  return { nudge, crashed, stop, [Symbol.asyncDispose]: stop };
}
