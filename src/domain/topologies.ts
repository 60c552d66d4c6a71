/**
 * High-availability architectures: how many standbys, and how many of them must hold a transaction
 * before it is acknowledged (k of the durability rule).
 */

export type Topology = 'single' | '1+1' | '1+2' | '1+3';

export type TopologyOffer = {
  topology: Topology;
  standbys: number;
  /** Standbys that must have received a transaction before the client gets its OK. */
  k: number;
};

export const topologyOffers = {
  single: { topology: 'single', standbys: 0, k: 0 },
  '1+1': { topology: '1+1', standbys: 1, k: 1 },
  '1+2': { topology: '1+2', standbys: 2, k: 1 },
  '1+3': { topology: '1+3', standbys: 3, k: 2 },
} as const satisfies Record<Topology, TopologyOffer>;

export const topologies = Object.keys(topologyOffers) as Topology[];

export function instanceCount(topology: Topology): number {
  return 1 + topologyOffers[topology].standbys;
}
