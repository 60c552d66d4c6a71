import { listOperations as readOperations } from '../../store/operations.ts';
import type { Handler } from '../handler.ts';
import { teamsInSight, visibleCluster } from '../lookups.ts';
import { operationView } from '../views.ts';

export const listOperations: Handler<'listOperations'> = async ({ context, actor, query }) => {
  const { db } = context.store;
  const cluster = query.cluster === undefined ? undefined : await visibleCluster(db, actor, query.cluster);
  const rows = await readOperations(db, {
    clusterId: cluster?.id,
    teamIds: teamsInSight(actor),
    limit: query.limit,
    before: query.before,
  });
  return rows.map(operationView);
};
