import { mustBeAble } from '../../auth/can.ts';
import type { Handler } from '../handler.ts';
import { accepted, visibleCluster } from '../lookups.ts';

export const undeleteCluster: Handler<'undeleteCluster'> = async ({ context, actor, params, audit }) => {
  const { db } = context.store;
  audit.object = `clusters/${params.name}`;
  const cluster = await visibleCluster(db, actor, params.name);
  mustBeAble(actor, 'cluster.undelete', { teamId: cluster.team_id });
  const submitted = await context.submissions.undelete(actor.name, cluster);
  audit.details.operation = submitted.operationId;
  return accepted(db, submitted.clusterId, submitted.operationId);
};
