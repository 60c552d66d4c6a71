/**
 * Time as a value that is handed in, so that everything that decides can be run on another clock.
 *
 * `nowMs` is for people and for the store (wall clock, may jump). `monotonicMs` is for measuring and
 * for deadlines: a clock jump must never expire a lease or fire a time-out.
 */
export type Clock = {
  nowMs(): number;
  monotonicMs(): number;
  /** Resolves after `ms`, or rejects with the signal's reason. */
  delay(ms: number, signal?: AbortSignal): Promise<void>;
};

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  delay: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};
