import { listClusters as readClusters } from '../../store/clusters.ts';
import type { Handler } from '../handler.ts';
import { clusterViews, teamsInSight } from '../lookups.ts';

export const listClusters: Handler<'listClusters'> = async ({ context, actor, query }) => {
  const { db } = context.store;
  const rows = await readClusters(db, { teamIds: teamsInSight(actor), deleted: query.deleted === 'true' });
  return clusterViews(db, rows);
};
