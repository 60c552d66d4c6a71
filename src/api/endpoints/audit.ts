import { listAudit } from '../../store/audit.ts';
import type { Handler } from '../handler.ts';

export const audit: Handler<'audit'> = async ({ context, query }) =>
  (await listAudit(context.store.db, query)).map(({ at, ...row }) => ({ ...row, at: at.toISOString() }));
