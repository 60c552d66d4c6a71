/** Waiting for a condition with a deadline, the only kind of waiting that this code base knows. */
import { type Clock, systemClock } from './clock.ts';
import { messageOf, PlatformError } from './errors.ts';

export type UntilOptions = {
  /** Milliseconds after which waiting ends in a `timeout` error. */
  deadlineMs: number;
  /** Milliseconds between two looks; grows by half each time up to `maxEveryMs`. */
  everyMs?: number;
  maxEveryMs?: number;
  signal?: AbortSignal;
  clock?: Clock;
};

/**
 * Calls `look` until it returns something other than undefined, false or null, and returns that.
 * What `look` throws counts as "not yet" and is named in the time-out's message.
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false | null> | T | undefined | false | null,
  options: UntilOptions,
): Promise<T> {
  const clock = options.clock ?? systemClock;
  const end = clock.monotonicMs() + options.deadlineMs;
  let pause = options.everyMs ?? 10;
  let last: unknown;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false && seen !== null) return seen;
    } catch (error) {
      last = error;
    }
    if (clock.monotonicMs() >= end) {
      const because = last === undefined ? '' : `: ${messageOf(last)}`;
      throw new PlatformError('timeout', `Waited ${options.deadlineMs} ms for ${what}${because}`, {
        cause: last,
      });
    }
    await clock.delay(Math.min(pause, Math.max(1, end - clock.monotonicMs())), options.signal);
    pause = Math.min(pause * 1.5, options.maxEveryMs ?? 250);
  }
}
