import type { Handler } from '../handler.ts';
import { visibleOperation } from '../lookups.ts';
import { operationView } from '../views.ts';

export const getOperation: Handler<'getOperation'> = async ({ context, actor, params }) =>
  operationView((await visibleOperation(context.store.db, actor, params.id)).operation);
