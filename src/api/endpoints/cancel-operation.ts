import { mustBeAble } from '../../auth/can.ts';
import type { Handler } from '../handler.ts';
import { visibleOperation } from '../lookups.ts';
import { operationView } from '../views.ts';

export const cancelOperation: Handler<'cancelOperation'> = async ({ context, actor, params, audit }) => {
  const { db } = context.store;
  audit.object = `operations/${params.id}`;
  const { operation, teamId } = await visibleOperation(db, actor, params.id);
  audit.details = { kind: operation.kind, cluster: operation.cluster };
  mustBeAble(actor, 'operation.cancel', { teamId });
  await context.submissions.cancel(actor.name, operation);
  return operationView((await visibleOperation(db, actor, params.id)).operation);
};
