/**
 * One LISTEN on the store for the whole process, handed on to every open event stream. Changes say
 * only what to read again, so equal ones that wait are merged, and a gap is closed by ending the
 * streams: clients come back and read everything once.
 */
import type { Actor } from '../auth/actor.ts';
import { can } from '../auth/can.ts';
import type { Change } from '../domain/changes.ts';
import { PlatformError } from '../lib/errors.ts';
import type { ApiContext, ApiLimits } from './context.ts';
import type { EventStream } from './sse.ts';

export type ChangeHub = {
  /** Listening, with room for one more. Throws before a stream starts, while an error can be an answer. */
  ready(): Promise<void>;
  /** Sends what this actor may see. `actor` is asked anew each time, because rights change. */
  follow(stream: EventStream, actor: () => Actor): void;
  /** Calls back after each change of one cluster. */
  watch(stream: EventStream, cluster: string, changed: () => void): void;
  close(): Promise<void>;
};

type Subscriber = { stream: EventStream; wants: (change: Change, teamId: string | undefined) => void };

export function createChangeHub(context: ApiContext, limits: ApiLimits): ChangeHub {
  const subscribers = new Set<Subscriber>();
  const waiting = new Map<string, Change>();
  let delivering = false;
  let listening: Promise<{ close(): Promise<void> }> | undefined;
  let closed = false;

  const deliver = async () => {
    if (delivering) return;
    delivering = true;
    try {
      for (let [next] = waiting; next !== undefined; [next] = waiting) {
        const [key, change] = next;
        waiting.delete(key);
        const teamId = await teamOf(context, clusterOf(change));
        for (const subscriber of subscribers) subscriber.wants(change, teamId);
      }
    } catch (error) {
      context.log.warn({ err: error }, 'changes could not be delivered; clients read afresh');
      waiting.clear();
      dropAll();
    } finally {
      delivering = false;
    }
  };
  const dropAll = () => {
    for (const { stream } of subscribers) stream.close();
  };
  const listen = () => {
    listening ??= context.store
      .listen((change) => {
        waiting.set(JSON.stringify(change), change);
        void deliver();
      }, dropAll)
      .catch((error) => {
        listening = undefined;
        throw error;
      });
    return listening;
  };
  const add = (subscriber: Subscriber) => {
    if (closed) return subscriber.stream.close();
    subscribers.add(subscriber);
    subscriber.stream.onEnd(() => subscribers.delete(subscriber));
  };

  return {
    async ready() {
      if (closed || subscribers.size >= limits.streams) {
        throw new PlatformError('unavailable', 'Too many pages are open at once', {
          hint: 'Close some of them',
        });
      }
      await listen();
    },
    follow: (stream, actor) =>
      add({
        stream,
        wants: (change, teamId) => {
          const asker = actor();
          const visible = teamId === undefined ? asker.administrator : can(asker, 'cluster.see', { teamId });
          if (visible) stream.send(change);
        },
      }),
    watch: (stream, cluster, changed) =>
      add({
        stream,
        wants: (change) => {
          if (change.kind === 'cluster' && change.name === cluster) changed();
        },
      }),
    async close() {
      closed = true;
      dropAll();
      await listening?.then((listener) => listener.close()).catch(() => {});
    },
  };
}

function clusterOf(change: Change): string {
  return change.kind === 'cluster' ? change.name : change.cluster;
}

/** A purged cluster still has its row, and its team must hear of the purge. */
async function teamOf(context: ApiContext, cluster: string): Promise<string | undefined> {
  const row = await context.store.db
    .selectFrom('clusters')
    .select('team_id')
    .where('name', '=', cluster)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.team_id;
}
