/** The audit trail: who tried to change what, and what came of it. Rows are only ever added. */
import type { Selectable } from 'kysely';
import type { Db } from './store.ts';
import type { Tables } from './tables.ts';

export type AuditRow = Selectable<Tables['audit']>;
export type AuditOutcome = AuditRow['outcome'];

export type AuditRecord = {
  actor: string;
  action: string;
  object: string;
  outcome: AuditOutcome;
  address: string | null;
  /** Never a secret. */
  details: Record<string, unknown>;
};

export async function insertAudit(db: Db, record: AuditRecord): Promise<void> {
  await db
    .insertInto('audit')
    .values({ ...record, details: JSON.stringify(record.details) })
    .execute();
}

/** Newest first; `before` is the id of the last row of the previous page. */
export async function listAudit(
  db: Db,
  page: { limit: number; before?: string | undefined },
): Promise<AuditRow[]> {
  let query = db.selectFrom('audit').selectAll().orderBy('id', 'desc').limit(page.limit);
  if (page.before !== undefined) query = query.where('id', '<', page.before);
  return query.execute();
}
