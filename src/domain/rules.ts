/**
 * The durability rule: a transaction is durable when it is on the leader and on k of the ackers.
 * Terms are election epochs: integers that only grow. Whoever has promised a term refuses every
 * order of an older one.
 */
import { type Topology, topologyOffers } from './topologies.ts';

export type Rule = {
  term: number;
  /** Instance id. */
  leader: string;
  /** Instance ids of all members, the leader's among them. */
  cohort: string[];
  /** Instance ids whose acknowledgement counts; never the leader's. */
  ackers: string[];
  k: number;
};

export function firstRule(topology: Topology, instanceIds: readonly string[]): Rule {
  const [leader, ...standbys] = instanceIds;
  if (leader === undefined) throw new Error('a rule needs at least one instance');
  return { term: 1, leader, cohort: [...instanceIds], ackers: standbys, k: topologyOffers[topology].k };
}
