/** Every operation there is; a kind without one does not compile. */
import type { OperationKind } from '../domain/operations.ts';
import { create } from './create.ts';
import { deletion } from './delete.ts';
import type { Operation } from './operation.ts';
import { purge } from './purge.ts';
import { restart } from './restart.ts';
import { undelete } from './undelete.ts';

export const operations = {
  create,
  restart,
  delete: deletion,
  undelete,
  purge,
} satisfies Record<OperationKind, Operation> as Record<OperationKind, Operation>;
