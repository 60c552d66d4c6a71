import { engineKinds, engineOffers } from '../../domain/engines.ts';
import type { Host } from '../../domain/hosts.ts';
import { survives, topologyPossible } from '../../domain/placement.ts';
import { sizeOffers, sizes } from '../../domain/sizes.ts';
import { instanceCount, topologies, topologyOffers } from '../../domain/topologies.ts';
import type { Catalogue } from '../contract/schemas.ts';
import type { Handler } from '../handler.ts';

export const catalogue: Handler<'catalogue'> = async ({ context }) => catalogueView(context.hosts);

export function catalogueView(hosts: readonly Host[]): Catalogue {
  return {
    engines: engineKinds.map((kind) => {
      const { label, defaultVersion, versions } = engineOffers[kind];
      return { kind, label, defaultVersion, versions: [...versions] };
    }),
    topologies: topologies.map((topology) => ({
      topology,
      instances: instanceCount(topology),
      standbys: topologyOffers[topology].standbys,
      k: topologyOffers[topology].k,
      survives: survives(topology),
      ...topologyPossible(topology, hosts),
    })),
    sizes: sizes.map((size) => ({ ...sizeOffers[size] })),
    zones: [...new Set(hosts.map((host) => host.zone))].sort().map((zone) => {
      const inZone = hosts.filter((host) => host.zone === zone);
      return { zone, region: inZone[0]?.region ?? '', hosts: inZone.length };
    }),
  };
}
