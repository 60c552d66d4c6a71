/**
 * What changed, as the store announces it (LISTEN/NOTIFY) and the API streams it. The receiver reads
 * the object again; the message carries no state, so that a lost one costs freshness and nothing else.
 */
export type Change =
  | { kind: 'cluster'; name: string }
  | { kind: 'operation'; id: string; cluster: string }
  | { kind: 'event'; cluster: string };

export const changesChannel = 'mooring_changes';
