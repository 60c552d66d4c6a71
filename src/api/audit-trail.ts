/**
 * One row in the audit trail for every mutating call, whatever came of it. It is written before the
 * answer leaves; when the store cannot take it, the log has the line, because the change itself
 * cannot be taken back.
 */
import type { FastifyRequest } from 'fastify';
import { insertAudit } from '../store/audit.ts';
import type { ApiContext } from './context.ts';
import type { Route, RouteName } from './contract/routes.ts';
import type { AuditNote } from './handler.ts';

/** Reads that are recorded as well, because they hand out a secret. */
const recordedReads = new Set<RouteName>(['getAccount']);

export async function recordCall(
  context: ApiContext,
  name: RouteName,
  route: Route,
  request: FastifyRequest,
): Promise<void> {
  const { audit, problem } = request;
  if (audit === undefined || request.audited) return;
  if (route.method === 'GET' && !recordedReads.has(name)) return;
  request.audited = true;
  const record = {
    actor: audit.actor,
    action: name,
    object: printable(audit.object),
    outcome: outcomeOf(problem?.kind),
    address: request.ip,
    details: {
      ...audit.details,
      ...(problem === undefined ? {} : { kind: problem.kind, reason: problem.detail }),
    },
  };
  try {
    await insertAudit(context.store.db, {
      ...record,
      details: JSON.parse(printable(JSON.stringify(record.details))),
    });
  } catch (error) {
    context.log.error({ requestId: request.id, record, err: error }, 'audit row could not be written');
  }
}

/** Writes the row before a secret is handed out: no row, no secret. */
export async function recordRead(
  context: ApiContext,
  name: RouteName,
  audit: AuditNote,
  request: FastifyRequest,
): Promise<void> {
  await insertAudit(context.store.db, {
    actor: audit.actor,
    action: name,
    object: audit.object,
    outcome: 'allowed',
    address: request.ip,
    details: audit.details,
  });
  request.audited = true;
}

function outcomeOf(kind: string | undefined): 'allowed' | 'refused' | 'failed' {
  if (kind === undefined) return 'allowed';
  return kind === 'internal' || kind === 'unavailable' || kind === 'timeout' ? 'failed' : 'refused';
}

/** Without control characters, which PostgreSQL refuses: a row must not be lost to a strange name. */
function printable(text: string): string {
  return text.replace(/\p{Cc}|\\u0000/gu, '?');
}
