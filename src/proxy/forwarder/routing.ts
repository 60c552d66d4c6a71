/** Where a connection may go, best first. Pure. */
import type { TopologyFeed } from '../../api/contract/schemas.ts';
import type { EndpointPurpose } from '../../domain/forwarder.ts';

export type Target = { name: string; host: string; port: number };

/**
 * Writes go to the leader and nowhere else. Reads go to the readers, each first in its turn, and to
 * the leader when no reader answers.
 */
export function targetsOf(purpose: EndpointPurpose, feed: TopologyFeed | undefined, turn: number): Target[] {
  if (feed === undefined) return [];
  const leader = feed.leader === null ? [] : [feed.leader];
  if (purpose === 'readWrite') return leader;
  const { readers } = feed;
  const first = readers.length === 0 ? 0 : turn % readers.length;
  const rotated = [...readers.slice(first), ...readers.slice(0, first)];
  return [...rotated, ...leader.filter((target) => !readers.some((reader) => isSame(reader, target)))];
}

export function isSame(a: Target, b: Target): boolean {
  return a.host === b.host && a.port === b.port;
}

/**
 * Whether an established connection has to end at this feed: it leads writes to a server that another
 * one has replaced. While nobody leads it stays, because the same server may well come back.
 */
export function mustEnd(purpose: EndpointPurpose, target: Target, feed: TopologyFeed): boolean {
  return purpose === 'readWrite' && feed.leader !== null && !isSame(target, feed.leader);
}
