/**
 * The stream of changes. Each message names what changed; the queries concerned are fetched again.
 * Messages are gathered for a moment, because one operation causes many. When the stream breaks it is
 * opened again with growing pauses, and everything is fetched once, since changes may have been missed.
 */
import { useSyncExternalStore } from 'react';
import { PlatformError } from '../../../src/api/contract/client.ts';
import type { Change } from '../../../src/api/contract/schemas.ts';
import { client, noticeExpiry, queryClient } from './api.ts';

export type LiveState = { kind: 'connecting' } | { kind: 'live' } | { kind: 'away'; since: number };

const gatherMs = 150;
const firstPauseMs = 500;
const longestPauseMs = 10_000;

let state: LiveState = { kind: 'connecting' };
const listeners = new Set<() => void>();

function become(next: LiveState): void {
  // Each failed attempt must not restart the clock of "has not answered since".
  if (next.kind === 'away' && state.kind === 'away') return;
  state = next;
  for (const listener of listeners) listener();
}

export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

/** Runs until stopped; started once somebody is logged in. */
export function startLive(): () => void {
  const stop = new AbortController();
  void follow(stop.signal);
  return () => stop.abort();
}

async function follow(signal: AbortSignal): Promise<void> {
  let pauseMs = firstPauseMs;
  let first = true;
  while (!signal.aborted) {
    try {
      // The health call tells "connected" apart from "connecting": a stream may stay silent for long.
      await client.call('health', { signal });
      if (!first) void queryClient.invalidateQueries();
      first = false;
      become({ kind: 'live' });
      const opened = Date.now();
      for await (const change of client.stream('changes', { signal })) gather(change);
      if (Date.now() - opened > 5_000) pauseMs = firstPauseMs;
    } catch (error) {
      if (signal.aborted) return;
      noticeExpiry(error);
      if (error instanceof PlatformError && error.kind === 'unauthenticated') return;
    }
    if (signal.aborted) return;
    become({ kind: 'away', since: Date.now() });
    await pause(pauseMs, signal);
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

const gathered = new Map<string, readonly unknown[]>();

function gather(change: Change): void {
  if (gathered.size === 0) setTimeout(flush, gatherMs);
  for (const key of keysOf(change)) gathered.set(JSON.stringify(key), key);
}

function flush(): void {
  const keys = [...gathered.values()];
  gathered.clear();
  for (const queryKey of keys) void queryClient.invalidateQueries({ queryKey });
}

function keysOf(change: Change): (readonly unknown[])[] {
  switch (change.kind) {
    case 'cluster':
      return [['clusters'], ['cluster', change.name], ['infrastructure'], ['teams']];
    case 'operation':
      return [['operations'], ['clusters'], ['cluster', change.cluster]];
    case 'event':
      return [['events', change.cluster]];
  }
}
