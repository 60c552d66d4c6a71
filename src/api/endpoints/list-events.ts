import { listEvents as readEvents } from '../../store/events.ts';
import type { Handler } from '../handler.ts';
import { visibleCluster } from '../lookups.ts';

export const listEvents: Handler<'listEvents'> = async ({ context, actor, params, query }) => {
  const { db } = context.store;
  const cluster = await visibleCluster(db, actor, params.name);
  return (await readEvents(db, cluster.id, query)).map((row) => ({
    id: row.id,
    at: row.at.toISOString(),
    severity: row.severity,
    kind: row.kind,
    message: row.message,
    instance: row.instance,
  }));
};
