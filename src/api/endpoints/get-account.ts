import { mustBeAble } from '../../auth/can.ts';
import { PlatformError } from '../../lib/errors.ts';
import { getInstanceSecrets } from '../../store/vault.ts';
import { recordRead } from '../audit-trail.ts';
import type { Handler } from '../handler.ts';
import { visibleCluster } from '../lookups.ts';

export const getAccount: Handler<'getAccount'> = async ({ context, actor, params, audit, request }) => {
  const { db } = context.store;
  audit.object = `clusters/${params.name}`;
  const cluster = await visibleCluster(db, actor, params.name);
  mustBeAble(actor, 'cluster.readPassword', { teamId: cluster.team_id });
  const secrets = await getInstanceSecrets(db, context.vault, cluster.id);
  if (secrets === undefined) {
    throw new PlatformError('conflict', `${cluster.name} has no account yet`, {
      hint: 'It gets one while it is created; try again in a moment',
    });
  }
  await recordRead(context, 'getAccount', audit, request);
  return {
    ...secrets.application,
    ca: context.caPem,
    clientDirectory: (await context.clientDirectory(cluster.engine, cluster.version)) ?? '',
  };
};
