/** The operations room as the API sees it: one function per request, answering with two ids. */
import type { ClusterRow } from '../store/clusters.ts';
import type { NamedOperation } from '../store/operations.ts';
import {
  type CreateInput,
  type SubmitContext,
  submitCancel,
  submitCreate,
  submitDelete,
  submitRestart,
  submitUndelete,
  type Team,
} from './submit.ts';

type Ids = { clusterId: string; operationId: string };

/** What the API calls `Submissions`; it says there who may ask, and here what is possible. */
export function createSubmissions(context: SubmitContext) {
  const ids = (submitted: { cluster: ClusterRow; operation: NamedOperation }): Ids => ({
    clusterId: submitted.cluster.id,
    operationId: submitted.operation.id,
  });
  return {
    create: async (actor: string, team: Team, input: CreateInput) =>
      ids(await submitCreate(context, { actor, team, input })),
    restart: async (actor: string, cluster: ClusterRow, instance: string | undefined) =>
      ids(await submitRestart(context, { actor, cluster, instance })),
    delete: async (actor: string, cluster: ClusterRow, confirm: string, purge: boolean) =>
      ids(await submitDelete(context, { actor, cluster, confirm, purge })),
    undelete: async (actor: string, cluster: ClusterRow) =>
      ids(await submitUndelete(context, { actor, cluster })),
    cancel: async (_actor: string, operation: NamedOperation): Promise<void> => {
      await submitCancel(context, operation);
    },
  };
}
