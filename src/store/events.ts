/** Events: what happened to a cluster, for people. Written once, never changed. */
import { type Selectable, sql } from 'kysely';
import type { Db } from './store.ts';
import type { Tables } from './tables.ts';

export type EventRow = Selectable<Tables['events']>;

export type NewEvent = {
  clusterId: string;
  instanceId?: string | null;
  severity: EventRow['severity'];
  /** Stable, machine-readable: 'server-exited', 'cluster-ready', ... */
  kind: string;
  /** One sentence. */
  message: string;
  data?: Record<string, unknown>;
};

/** Announces itself as a change of kind 'event'. */
export async function insertEvent(db: Db, event: NewEvent): Promise<void> {
  await db
    .insertInto('events')
    .values({
      cluster_id: event.clusterId,
      instance_id: event.instanceId ?? null,
      severity: event.severity,
      kind: event.kind,
      message: event.message,
      data: JSON.stringify(event.data ?? {}),
    })
    .returning(
      sql`pg_notify('mooring_changes', json_build_object('kind', 'event', 'cluster',
        (select name from clusters where id = ${event.clusterId}))::text)`.as('notified'),
    )
    .execute();
}

export type EventPage = { limit: number /** Id of the oldest event already seen. */; before?: string };

/** Newest first, with the name of the instance where it still exists. */
export async function listEvents(
  db: Db,
  clusterId: string,
  page: EventPage,
): Promise<(EventRow & { instance: string | null })[]> {
  let query = db
    .selectFrom('events')
    .leftJoin('instances', 'instances.id', 'events.instance_id')
    .selectAll('events')
    .select('instances.name as instance')
    .where('events.cluster_id', '=', clusterId);
  if (page.before !== undefined) query = query.where('events.id', '<', page.before);
  return query.orderBy('events.id', 'desc').limit(page.limit).execute();
}
