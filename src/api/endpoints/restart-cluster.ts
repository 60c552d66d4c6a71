import { mustBeAble } from '../../auth/can.ts';
import type { Handler } from '../handler.ts';
import { accepted, visibleCluster } from '../lookups.ts';

export const restartCluster: Handler<'restartCluster'> = async ({ context, actor, params, body, audit }) => {
  const { db } = context.store;
  audit.object = `clusters/${params.name}`;
  audit.details = { instance: body.instance ?? 'all' };
  const cluster = await visibleCluster(db, actor, params.name);
  mustBeAble(actor, 'cluster.restart', { teamId: cluster.team_id });
  const submitted = await context.submissions.restart(actor.name, cluster, body.instance);
  audit.details.operation = submitted.operationId;
  return accepted(db, submitted.clusterId, submitted.operationId);
};
