/** The platform's own row: which installation this store belongs to, and whether its controller lives. */
import { sql } from 'kysely';
import { PlatformError } from '../lib/errors.ts';
import type { Db, Store } from './store.ts';

/**
 * Says at each start whose store this is. Keys, volumes and agents belong to one data directory, so a
 * second platform on the same store could only destroy what it cannot read.
 */
export async function registerPlatform(store: Store, id: string): Promise<void> {
  await store.transaction(async (tx) => {
    await sql`lock table platform in exclusive mode`.execute(tx);
    const owner = await tx.selectFrom('platform').select('id').executeTakeFirst();
    if (owner === undefined) await tx.insertInto('platform').values({ id }).execute();
    else if (owner.id !== id) {
      throw new PlatformError(
        'refused',
        `This store belongs to another platform (${owner.id}, this is ${id})`,
        {
          hint: 'Start that platform with its own --data DIR, or name an empty database in MOORING_STORE_URL',
        },
      );
    }
  });
}

/** The controller says that it is alive; the API reports it as silent when this gets old. */
export async function touchController(db: Db, at: Date): Promise<void> {
  await db.updateTable('platform').set({ controller_seen_at: at }).execute();
}

export async function controllerSeenAt(db: Db): Promise<Date | null> {
  const row = await db.selectFrom('platform').select('controller_seen_at').executeTakeFirst();
  return row?.controller_seen_at ?? null;
}
