import { can } from '../../auth/can.ts';
import { listClusters } from '../../store/clusters.ts';
import { loadBundles } from '../../store/facts.ts';
import type { Handler } from '../handler.ts';

/** Hosts are everybody's business; which clusters sit on them only their team's. */
export const infrastructure: Handler<'infrastructure'> = async ({ context, actor }) => {
  const { db } = context.store;
  const [capacity, enforcement, clusters] = await Promise.all([
    context.capacity(),
    context.enforcement(),
    listClusters(db, { deleted: true }),
  ]);
  const visible = clusters.filter((cluster) => can(actor, 'cluster.see', { teamId: cluster.team_id }));
  const placed = (await loadBundles(db, visible)).flatMap(({ cluster, group, instances }) =>
    instances.map((instance) => ({
      hostId: instance.host_id,
      name: instance.name,
      cluster: cluster.name,
      role: group?.rule.leader === instance.id ? ('primary' as const) : ('standby' as const),
    })),
  );
  return {
    enforcement,
    hosts: context.hosts.map((host) => {
      const room = capacity.find((one) => one.host.id === host.id);
      return {
        ...host,
        memoryFreeMb: room?.memoryFreeMb ?? 0,
        diskFreeGb: room?.diskFreeGb ?? 0,
        instances: placed
          .filter((instance) => instance.hostId === host.id)
          .map(({ name, cluster, role }) => ({ name, cluster, role })),
      };
    }),
  };
};
