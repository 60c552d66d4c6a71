/**
 * The token with which one cluster's forwarder reads its topology feed. It is derived, not stored:
 * the controller hands it to the forwarder and the API checks it, both from the platform's key.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export function feedToken(platformKey: Uint8Array, clusterId: string): string {
  return `feed_${createHmac('sha256', platformKey).update(`topology-feed:${clusterId}`).digest('base64url')}`;
}

export function isFeedToken(platformKey: Uint8Array, clusterId: string, presented: string): boolean {
  return sameSecret(feedToken(platformKey, clusterId), presented);
}

/** Compares without telling by its duration where the difference is. */
export function sameSecret(expected: string, presented: string): boolean {
  const a = Buffer.from(expected);
  const b = Buffer.from(presented);
  return a.length === b.length && timingSafeEqual(a, b);
}
