/**
 * The newest status of every instance, in memory; what changes meaningfully goes to the store, and what
 * people should know becomes an event.
 *
 * Agents report twice a second. A report costs the store nothing unless something changed, or 5 s have
 * passed (so that lag and sizes on a page are never older). Per instance at most one write is under way;
 * what arrives meanwhile is written once, newest first.
 */
import type { InstanceStatus } from '../domain/status.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { StatusView } from '../operations/context.ts';
import { notify } from '../store/changes.ts';
import { clusterById } from '../store/clusters.ts';
import { insertEvent } from '../store/events.ts';
import { instancesOfCluster } from '../store/instances.ts';
import { touchController } from '../store/platform.ts';
import { allStatuses, putStatus, silentAfterMs, touchStatuses } from '../store/statuses.ts';
import type { Store } from '../store/store.ts';
import { transitions } from './transitions.ts';

export type StatusBook = StatusView &
  AsyncDisposable & {
    /** Takes a report in; an older one than is known changes nothing. */
    accept(status: InstanceStatus): void;
    /** All that were heard within the last 3 s. */
    current(): InstanceStatus[];
    /** Resolves when everything accepted so far is in the store. */
    flushed(): Promise<void>;
  };

type Entry = {
  status: InstanceStatus;
  receivedAtMs: number;
  /** What the store holds, as `meaning` of it. */
  written: string;
  writtenAtMs: number;
  writing: Promise<void> | undefined;
  touched: boolean;
  silent: boolean;
  name: string | undefined;
};

const refreshEveryMs = 5_000;
const sweepEveryMs = 1_000;

export async function openStatusBook(parts: { store: Store; clock: Clock; log: Log }): Promise<StatusBook> {
  const { store, clock, log } = parts;
  const entries = new Map<string, Entry>();
  const listeners = new Set<(clusterId: string) => void>();

  // What was observed before this start: transitions are told against it, so that an exit that
  // happened while the platform was down becomes an event too.
  for (const row of await allStatuses(store.db)) {
    entries.set(row.instance_id, {
      status: row.status,
      receivedAtMs: Number.NEGATIVE_INFINITY,
      written: meaning(row.status),
      writtenAtMs: 0,
      writing: undefined,
      touched: false,
      silent: false,
      name: undefined,
    });
  }

  const nameOf = async (entry: Entry): Promise<string> => {
    if (entry.name === undefined) {
      const rows = await instancesOfCluster(store.db, entry.status.clusterId);
      entry.name = rows.find((row) => row.id === entry.status.instanceId)?.name;
    }
    return entry.name ?? 'an instance';
  };

  const tell = async (entry: Entry, before: InstanceStatus | undefined, now: InstanceStatus) => {
    const told = transitions(before, now);
    if (told.length === 0) return;
    const name = await nameOf(entry);
    for (const { severity, kind, sentence } of told) {
      const { clusterId, instanceId } = now;
      await insertEvent(store.db, { clusterId, instanceId, severity, kind, message: `${name} ${sentence}` });
    }
  };

  const write = async (entry: Entry): Promise<void> => {
    for (;;) {
      const { status, receivedAtMs } = entry;
      const now = meaning(status);
      if (now === entry.written && receivedAtMs - entry.writtenAtMs < refreshEveryMs) break;
      entry.written = now;
      entry.writtenAtMs = receivedAtMs;
      const known = await putStatus(store.db, status, new Date(clock.nowMs()));
      if (!known) break; // Purged meanwhile, or never ours.
    }
  };

  const startWriting = (entry: Entry) => {
    if (entry.writing !== undefined) return;
    entry.writing = write(entry)
      .catch((error) => {
        entry.written = '';
        log.warn({ error: messageOf(error) }, 'cannot write a status; the next report tries again');
      })
      .finally(() => {
        entry.writing = undefined;
      });
  };

  const telling = new Map<string, Promise<void>>();
  const accept = (status: InstanceStatus) => {
    const known = entries.get(status.instanceId);
    if (
      known &&
      known.status.agentBootId === status.agentBootId &&
      known.status.sequence >= status.sequence
    ) {
      return;
    }
    const before = known?.status;
    const entry: Entry = known ?? {
      status,
      receivedAtMs: 0,
      written: '',
      writtenAtMs: 0,
      writing: undefined,
      touched: false,
      silent: false,
      name: undefined,
    };
    entry.status = status;
    entry.receivedAtMs = clock.monotonicMs();
    entry.touched = true;
    entries.set(status.instanceId, entry);
    startWriting(entry);
    for (const listener of listeners) listener(status.clusterId);
    // In order per instance, and never in the way of a report.
    const earlier = telling.get(status.instanceId) ?? Promise.resolve();
    telling.set(
      status.instanceId,
      earlier
        .then(() => tell(entry, before, status))
        .catch((error) => log.debug({ error: messageOf(error) }, 'cannot write an event')),
    );
  };

  const isFresh = (entry: Entry) => clock.monotonicMs() - entry.receivedAtMs <= silentAfterMs;

  /** Once a second: who reported, who fell silent, and that the controller lives. */
  const sweep = async () => {
    const heard: string[] = [];
    for (const [id, entry] of entries) {
      if (entry.touched) heard.push(id);
      entry.touched = false;
      const silent = !isFresh(entry);
      if (silent === entry.silent || entry.receivedAtMs === Number.NEGATIVE_INFINITY) continue;
      entry.silent = silent;
      await tellSilence(entry, silent);
    }
    await touchStatuses(store, heard, new Date(clock.nowMs()));
    await touchController(store.db, new Date(clock.nowMs()));
  };

  const tellSilence = async (entry: Entry, silent: boolean) => {
    const { clusterId, instanceId } = entry.status;
    const cluster = await clusterById(store.db, clusterId);
    // The agent of a deleted cluster is silent because it was ended.
    if (cluster === undefined || cluster.lifecycle !== 'active') return;
    await insertEvent(store.db, {
      clusterId,
      instanceId,
      severity: silent ? 'warning' : 'info',
      kind: silent ? 'agent-silent' : 'agent-back',
      message: `The agent of ${await nameOf(entry)} ${silent ? 'has not reported for 3 s' : 'reports again'}`,
    });
    await notify(store.db, { kind: 'cluster', name: cluster.name });
  };

  await touchController(store.db, new Date(clock.nowMs()));
  let sweeping: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    sweeping = sweep().catch((error) =>
      log.warn({ error: messageOf(error) }, 'the sweep of statuses failed'),
    );
  }, sweepEveryMs);

  const flushed = async () => {
    await Promise.all([...entries.values()].map((entry) => entry.writing));
    await Promise.all(telling.values());
  };

  return {
    accept,
    flushed,
    fresh(instanceId) {
      const entry = entries.get(instanceId);
      return entry !== undefined && isFresh(entry) ? entry.status : undefined;
    },
    current: () => [...entries.values()].filter(isFresh).map((entry) => entry.status),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    forget(clusterId) {
      for (const [id, entry] of entries) {
        if (entry.status.clusterId !== clusterId) continue;
        entries.delete(id);
        telling.delete(id);
      }
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await sweeping;
      await flushed();
    },
  };
}

/** The part of a status whose change somebody waits for; numbers that always move are not in it. */
export function meaning(status: InstanceStatus): string {
  const { server, database } = status;
  return JSON.stringify([
    status.agentBootId,
    status.phase,
    status.why,
    status.promisedTerm,
    status.generation,
    status.convergedGeneration,
    status.restartsDone,
    server.pid,
    server.unplannedRestarts,
    server.lastExit,
    server.nextStartAt,
    server.version,
    status.volume.full,
    database && [
      database.role,
      database.writable,
      database.open,
      database.receiver?.state,
      database.receiver?.source,
      database.receiver?.error,
      database.followers,
    ],
    (status.quorumProbe?.waitingMs ?? 0) >= 1_000,
  ]);
}
