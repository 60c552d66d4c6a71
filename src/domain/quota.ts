/** Quota arithmetic: what a team may use, what it uses, and the sentence when that is too much. */
import { type Size, sizeOffers } from './sizes.ts';
import { instanceCount, type Topology } from './topologies.ts';

export type Quota = { clusters: number; instances: number; memoryMb: number; diskGb: number };

export const defaultQuota: Quota = { clusters: 20, instances: 60, memoryMb: 64 * 1024, diskGb: 2000 };

export const noUse: Quota = { clusters: 0, instances: 0, memoryMb: 0, diskGb: 0 };

/** What one cluster counts. A deleted one keeps its volumes and nothing else. */
export function useOf(cluster: { topology: Topology; size: Size; lifecycle: string }): Quota {
  const instances = instanceCount(cluster.topology);
  const offer = sizeOffers[cluster.size];
  if (cluster.lifecycle === 'purged') return noUse;
  if (cluster.lifecycle === 'deleted') return { ...noUse, diskGb: instances * offer.diskGb };
  return { clusters: 1, instances, memoryMb: instances * offer.memoryMb, diskGb: instances * offer.diskGb };
}

export function sumUse(uses: readonly Quota[]): Quota {
  return uses.reduce(
    (sum, use) => ({
      clusters: sum.clusters + use.clusters,
      instances: sum.instances + use.instances,
      memoryMb: sum.memoryMb + use.memoryMb,
      diskGb: sum.diskGb + use.diskGb,
    }),
    noUse,
  );
}

const units: Record<keyof Quota, string> = {
  clusters: 'clusters',
  instances: 'instances',
  memoryMb: 'MiB of memory',
  diskGb: 'GiB of disk',
};

/** Undefined when `wanted` fits, else the sentence that says what is missing. */
export function quotaProblem(team: string, quota: Quota, used: Quota, wanted: Quota): string | undefined {
  const missing = (Object.keys(units) as (keyof Quota)[])
    .filter((key) => wanted[key] > 0 && used[key] + wanted[key] > quota[key])
    .map((key) => `${wanted[key]} ${units[key]} wanted, ${used[key]} of ${quota[key]} used`);
  if (missing.length === 0) return undefined;
  return `The quota of team "${team}" is not enough: ${missing.join('; ')}`;
}
