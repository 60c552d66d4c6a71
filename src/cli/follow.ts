/**
 * Following an operation to its end. The stream of changes says when to look; a slow poll looks
 * anyway, so that a lost stream or a platform that restarts meanwhile costs a second, not the answer.
 */
import type { Client } from '../api/contract/client.ts';
import { finalStates, type OperationSummary } from '../api/contract/schemas.ts';
import { systemClock } from '../lib/clock.ts';
import { type ErrorKind, PlatformError } from '../lib/errors.ts';
import type { Context } from './context.ts';
import { Interrupted } from './failures.ts';
import { createPlanView } from './plan-view.ts';

/** The first looks come soon: the stream may not be open yet when a quick operation ends. */
const firstPollMs = 50;
const pollMs = 1_000;

/** Waits until the operation has ended well; throws what went wrong, a time-out, or Interrupted. */
export async function followOperation(
  context: Context,
  client: Client,
  started: OperationSummary,
  timeoutMs: number,
): Promise<OperationSummary> {
  const { id } = started;
  const { environment } = context;
  const view = context.output.json ? undefined : createPlanView(environment);
  const stop = new AbortController();
  const nudges = createNudges();
  let interrupted = false;
  let pause = firstPollMs;
  const forgetInterrupt = environment.onInterrupt(() => {
    interrupted = true;
    nudges.ring();
  });
  void listen(client, id, nudges.ring, stop.signal);

  const end = systemClock.monotonicMs() + timeoutMs;
  let operation = started;
  try {
    for (;;) {
      view?.show(operation);
      if (finalStates.includes(operation.state)) return ended(operation);
      if (interrupted) throw new Interrupted(goesOn(operation, 'You stopped waiting'));
      const left = end - systemClock.monotonicMs();
      if (left <= 0) {
        const waited = `${describe(operation)} has not ended within ${Math.round(timeoutMs / 1000)} s`;
        const because = operation.waitingFor ? ` (${operation.waitingFor})` : '';
        throw new PlatformError('timeout', `${waited}${because}. It goes on`, {
          hint: `Follow it with: moor operations ${id}`,
        });
      }
      await nudges.wait(Math.min(left, pause));
      pause = Math.min(pause * 1.5, pollMs);
      operation = await client.call('getOperation', { params: { id } }).catch((error) => {
        if (error instanceof PlatformError && error.kind === 'unavailable') return operation;
        throw error;
      });
    }
  } finally {
    view?.close();
    forgetInterrupt();
    stop.abort();
  }
}

function ended(operation: OperationSummary): OperationSummary {
  if (operation.state === 'done') return operation;
  if (operation.state === 'cancelled') {
    throw new PlatformError('cancelled', `${describe(operation)} was cancelled`, {
      hint: `See what was undone with: moor operations ${operation.id}`,
    });
  }
  const { error } = operation;
  throw new PlatformError(
    (error?.kind ?? 'unavailable') as ErrorKind,
    `${describe(operation)} failed: ${error?.message ?? 'no reason was given'}`,
    { hint: error?.hint ?? `See the steps with: moor operations ${operation.id}` },
  );
}

/** "create of orders" */
export function describe(operation: OperationSummary): string {
  return `The ${operation.kind} of ${operation.cluster}`;
}

export function goesOn(operation: OperationSummary, why: string): string {
  return `${why}. ${describe(operation)} goes on.
Follow it with: moor operations ${operation.id}
Cancel it with: moor cancel ${operation.id}`;
}

async function listen(client: Client, id: string, ring: () => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const change of client.stream('changes', { signal })) {
        if (change.kind === 'operation' && change.id === id) ring();
      }
    } catch {
      // The poll goes on; the stream is tried again.
    }
    await systemClock.delay(pollMs, signal).catch(() => {});
  }
}

/** A bell that remembers one ring while nobody waits. */
function createNudges() {
  let rung = false;
  let wake = () => {};
  return {
    ring() {
      rung = true;
      wake();
    },
    async wait(ms: number) {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      rung = false;
      wake = () => {};
    },
  };
}
