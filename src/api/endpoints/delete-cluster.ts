import { mustBeAble } from '../../auth/can.ts';
import type { Handler } from '../handler.ts';
import { accepted, visibleCluster } from '../lookups.ts';

export const deleteCluster: Handler<'deleteCluster'> = async ({ context, actor, params, body, audit }) => {
  const { db } = context.store;
  audit.object = `clusters/${params.name}`;
  audit.details = { purge: body.purge };
  const cluster = await visibleCluster(db, actor, params.name);
  mustBeAble(actor, 'cluster.delete', { teamId: cluster.team_id });
  const submitted = await context.submissions.delete(actor.name, cluster, body.confirm, body.purge);
  audit.details.operation = submitted.operationId;
  return accepted(db, submitted.clusterId, submitted.operationId);
};
