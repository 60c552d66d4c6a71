/** The platform's own row: which installation this store belongs to, and whether its controller lives. */
import type { Db } from './store.ts';

/** Idempotent; called at each start. */
export async function registerPlatform(db: Db, id: string): Promise<void> {
  await db
    .insertInto('platform')
    .values({ id })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The controller says that it is alive; the API reports it as silent when this gets old. */
export async function touchController(db: Db, at: Date): Promise<void> {
  await db.updateTable('platform').set({ controller_seen_at: at }).execute();
}

export async function controllerSeenAt(db: Db): Promise<Date | null> {
  const row = await db.selectFrom('platform').select('controller_seen_at').executeTakeFirst();
  return row?.controller_seen_at ?? null;
}
