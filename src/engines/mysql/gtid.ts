/**
 * GTID sets as values: which transactions a member has, compared and combined without a server.
 *
 * A set maps an origin (a server's UUID, or "uuid:tag") to intervals of transaction numbers. Intervals
 * are kept sorted, disjoint and not adjacent, so that equal sets have equal texts.
 */
import { PlatformError } from '../../lib/errors.ts';

type Interval = readonly [first: number, last: number];

/** Keyed by "uuid" or "uuid:tag", in lower case. Never holds an empty list. */
export type GtidSet = ReadonlyMap<string, readonly Interval[]>;

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const tagPattern = /^[a-z_][a-z0-9_]{0,31}$/;
const intervalPattern = /^(\d+)(?:-(\d+))?$/;

/** Reads MySQL's text: "uuid:1-5:7:tag:1-3,\nuuid:..."; a tag holds until the next tag or uuid. */
export function parseGtidSet(text: string): GtidSet {
  const collected = new Map<string, Interval[]>();
  for (const part of text.split(',')) {
    const [uuid, ...items] = part.trim().toLowerCase().split(':');
    if (uuid === undefined || uuid === '') continue;
    if (!uuidPattern.test(uuid)) throw malformed(text);
    let origin = uuid;
    for (const raw of items) {
      const item = raw.trim();
      const numbers = intervalPattern.exec(item);
      if (numbers) {
        const first = Number(numbers[1]);
        const last = Number(numbers[2] ?? numbers[1]);
        if (first < 1 || !Number.isSafeInteger(last)) throw malformed(text);
        if (last >= first) intervalsOf(collected, origin).push([first, last]);
      } else if (tagPattern.test(item)) {
        origin = `${uuid}:${item}`;
      } else {
        throw malformed(text);
      }
    }
  }
  return normalised(collected);
}

/**
 * Reads @@GLOBAL.gtid_owned: transactions in flight, each followed by "#" and the thread that owns it.
 * MySQL 9.7 puts nothing between the last thread and the next UUID, which has exactly eight digits first.
 */
export function parseOwnedGtids(text: string): GtidSet {
  const apart = text.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, ',$&');
  return parseGtidSet(apart.replaceAll(/#\d+/g, ''));
}

/** The text that MySQL itself prints, without line breaks. */
export function formatGtidSet(set: GtidSet): string {
  const byUuid = new Map<string, string[]>();
  for (const origin of [...set.keys()].sort()) {
    const [uuid = '', tag] = origin.split(':');
    const parts = byUuid.get(uuid) ?? [];
    if (tag !== undefined) parts.push(tag);
    for (const [first, last] of set.get(origin) ?? [])
      parts.push(first === last ? `${first}` : `${first}-${last}`);
    byUuid.set(uuid, parts);
  }
  return [...byUuid].map(([uuid, parts]) => [uuid, ...parts].join(':')).join(',');
}

export function unionOf(...sets: GtidSet[]): GtidSet {
  const collected = new Map<string, Interval[]>();
  for (const set of sets) {
    for (const [origin, intervals] of set) intervalsOf(collected, origin).push(...intervals);
  }
  return normalised(collected);
}

/** What `set` has and `other` lacks. */
export function subtract(set: GtidSet, other: GtidSet): GtidSet {
  const left = new Map<string, Interval[]>();
  for (const [origin, intervals] of set) {
    for (const interval of intervals) {
      intervalsOf(left, origin).push(...without(interval, other.get(origin) ?? []));
    }
  }
  return normalised(left);
}

export function isSubset(set: GtidSet, of: GtidSet): boolean {
  return subtract(set, of).size === 0;
}

function without([first, last]: Interval, holes: readonly Interval[]): Interval[] {
  const rest: Interval[] = [];
  let next = first;
  for (const [from, to] of holes) {
    if (to < next) continue;
    if (from > last) break;
    if (from > next) rest.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= last) rest.push([next, last]);
  return rest;
}

function intervalsOf(sets: Map<string, Interval[]>, origin: string): Interval[] {
  const known = sets.get(origin);
  if (known) return known;
  const fresh: Interval[] = [];
  sets.set(origin, fresh);
  return fresh;
}

function normalised(sets: Map<string, Interval[]>): GtidSet {
  const result = new Map<string, Interval[]>();
  for (const [origin, intervals] of sets) {
    const merged: [number, number][] = [];
    for (const [first, last] of intervals.toSorted((a, b) => a[0] - b[0])) {
      const previous = merged.at(-1);
      if (previous && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
      else merged.push([first, last]);
    }
    if (merged.length > 0) result.set(origin, merged);
  }
  return result;
}

function malformed(text: string): PlatformError {
  return new PlatformError('invalid', 'This is not a GTID set', { context: { text: text.slice(0, 200) } });
}
