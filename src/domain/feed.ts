/**
 * The topology feed: where writes and reads of one cluster go now. Computed from the rule (decision)
 * and the newest statuses (observation), so that every stateless API process answers the same.
 *
 * The last status heard counts even when it is old: an agent that died says nothing about the server
 * beside it, and a forwarder that dropped a serving leader would be an outage of our own making.
 */
import type { Member } from './assignment.ts';
import type { Rule } from './rules.ts';
import type { InstanceStatus } from './status.ts';

export type FeedAddress = { name: string; host: string; port: number };

export type TopologyFeed = {
  clusterId: string;
  term: number;
  /** Version of the rule. Readers may change within one; an older (term, version) is never accepted. */
  version: number;
  /** Null while nobody is open as the leader of this term. */
  leader: FeedAddress | null;
  /** Standbys that serve reads, best first; the leader when there is none. */
  readers: FeedAddress[];
};

export type FeedInput = {
  clusterId: string;
  /** False for a cluster that is deleted: nobody serves, whatever the last status says. */
  serving: boolean;
  version: number;
  rule: Rule;
  members: Member[];
  statuses: ReadonlyMap<string, InstanceStatus>;
};

export function topologyFeed(input: FeedInput): TopologyFeed {
  const { clusterId, version, rule, members, statuses } = input;
  const empty: TopologyFeed = { clusterId, term: rule.term, version, leader: null, readers: [] };
  if (!input.serving) return empty;

  const leaderMember = members.find((member) => member.instanceId === rule.leader);
  const leader =
    leaderMember !== undefined && leads(statuses.get(rule.leader)) ? address(leaderMember) : null;
  const standbys = members
    .filter((member) => member.instanceId !== rule.leader && servesReads(statuses.get(member.instanceId)))
    .map((member) => ({ member, lag: statuses.get(member.instanceId)?.database?.lagMs ?? 0 }))
    .sort((a, b) => a.lag - b.lag || (a.member.name < b.member.name ? -1 : 1))
    .map(({ member }) => address(member));
  return { ...empty, leader, readers: standbys.length > 0 ? standbys : leader === null ? [] : [leader] };
}

/** Open, and its term's marker is acknowledged. */
export function takesWrites(status: InstanceStatus | undefined): boolean {
  return isOpenPrimary(status) && status?.database?.writable === true;
}

/** Whether clients that want to write are led there: also where only the volume is full, so that they can make room. */
function leads(status: InstanceStatus | undefined): boolean {
  return takesWrites(status) || (isOpenPrimary(status) && status?.volume.full === true);
}

function isOpenPrimary(status: InstanceStatus | undefined): boolean {
  return status?.phase === 'open' && status.database?.role === 'primary' && status.database.open;
}

export function servesReads(status: InstanceStatus | undefined): boolean {
  return status?.phase === 'open' && status.database?.role === 'standby' && status.database.open;
}

/** A standby whose acknowledgements can count. */
export function streams(status: InstanceStatus | undefined): boolean {
  return status?.database?.role === 'standby' && status.database.receiver?.state === 'streaming';
}

function address(member: Member): FeedAddress {
  return { name: member.name, host: member.host, port: member.port };
}
