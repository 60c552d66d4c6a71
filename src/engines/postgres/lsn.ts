/**
 * Positions in PostgreSQL's write-ahead log. An LSN is a byte offset in the log, written "hi/lo" in
 * hexadecimal; it only compares within one timeline, so what a node has is always (timeline, LSN).
 */
import { PlatformError } from '../../lib/errors.ts';

export type WalPosition = { timeline: number; lsn: string };

export function lsnOf(text: string): bigint {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text);
  if (match === null) throw new PlatformError('invalid', `"${text}" is not a WAL position`);
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}

/** The greater of two positions of which either may be unknown. */
export function laterLsn(a: string | null, b: string | null): string | null {
  if (a === null) return b;
  if (b === null) return a;
  return lsnOf(a) >= lsnOf(b) ? a : b;
}

export type TimelineSwitch = { timeline: number; endsAt: string };

/** A timeline history file: one line per ancestor, with the position at which it was left. */
export function parseTimelineHistory(text: string): TimelineSwitch[] {
  return text
    .split('\n')
    .map((line) => /^\s*(\d+)\s+([0-9A-F]+\/[0-9A-F]+)/i.exec(line))
    .filter((match) => match !== null)
    .map((match) => ({ timeline: Number(match[1]), endsAt: String(match[2]) }));
}

/**
 * Undefined when a node at `own` may stream from a source at `source` whose history is given, else
 * the sentence that says why it would diverge. A node that is ahead of its source holds WAL that the
 * source's history does not contain.
 */
export function divergence(
  own: WalPosition,
  source: WalPosition,
  history: readonly TimelineSwitch[],
): string | undefined {
  const here = `timeline ${own.timeline} at ${own.lsn}`;
  const there = `timeline ${source.timeline} at ${source.lsn}`;
  if (own.timeline > source.timeline) return `it is on ${here}, newer than its source's ${there}`;
  if (own.timeline === source.timeline) {
    return lsnOf(own.lsn) > lsnOf(source.lsn)
      ? `it is on ${here}, ahead of its source's ${there}`
      : undefined;
  }
  const left = history.find((step) => step.timeline === own.timeline);
  if (left === undefined) return `its source's history (${there}) does not contain timeline ${own.timeline}`;
  return lsnOf(own.lsn) > lsnOf(left.endsAt)
    ? `it is on ${here}, but its source left that timeline at ${left.endsAt}`
    : undefined;
}
