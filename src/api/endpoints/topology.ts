import { PlatformError } from '../../lib/errors.ts';
import { clusterById } from '../../store/clusters.ts';
import { feedOf, loadBundle } from '../../store/facts.ts';
import type { Handler } from '../handler.ts';
import { isUuid } from '../lookups.ts';
import { openEventStream } from '../sse.ts';

/**
 * The newest state at once, then at every change. Messages are whole states: one that was skipped
 * because two changes came together is not missed.
 */
export const topology: Handler<'topology'> = async ({ context, limits, hub, params, reply }) => {
  const { db } = context.store;
  const cluster = isUuid(params.id) ? await clusterById(db, params.id) : undefined;
  if (cluster === undefined) throw new PlatformError('not_found', 'There is no such cluster');
  await hub.ready();

  let last = '';
  let reading = false;
  let again = false;
  const refresh = async () => {
    again = true;
    if (reading) return;
    reading = true;
    try {
      while (again && stream.open) {
        again = false;
        const now = await clusterById(db, cluster.id);
        const feed = now && feedOf(await loadBundle(db, now));
        const text = JSON.stringify(feed);
        if (feed === undefined || text === last) continue;
        last = text;
        stream.send(feed);
      }
    } finally {
      reading = false;
    }
  };
  const stream = openEventStream(reply, {
    bufferBytes: limits.streamBufferBytes,
    heartbeatMs: limits.heartbeatMs,
    // Looks again at each heartbeat, in case an announcement was lost.
    stillWanted: async () => {
      await refresh();
      return true;
    },
  });
  const refreshOrClose = () =>
    refresh().catch((error) => {
      context.log.warn({ clusterId: cluster.id, err: error }, 'topology feed could not be read');
      stream.close();
    });
  // Watching starts before the first look, so that nothing falls between the two.
  hub.watch(stream, cluster.name, refreshOrClose);
  await refreshOrClose();
  return undefined;
};
