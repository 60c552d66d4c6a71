import type { Handler } from '../handler.ts';
import { clusterViews, visibleCluster } from '../lookups.ts';

export const getCluster: Handler<'getCluster'> = async ({ context, actor, params }) => {
  const { db } = context.store;
  const [view] = await clusterViews(db, [await visibleCluster(db, actor, params.name)]);
  if (view === undefined) throw new Error('one cluster in, one view out');
  return view;
};
