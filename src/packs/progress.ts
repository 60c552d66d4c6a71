/** What a person sees while a pack is being made. */
import type { EngineKind } from '../domain/engines.ts';

export type PackProgress = {
  engine: EngineKind;
  version: string;
  phase: 'waiting' | 'index' | 'download' | 'unpack' | 'check' | 'done';
  /** Of the whole work, 0 to 1; only grows within one attempt. */
  fraction: number;
  /** Of the packages; 0 while the index is being read. */
  bytes: number;
  totalBytes: number;
  message: string;
};

export type OnPackProgress = (progress: PackProgress) => void;

export const megabytes = (bytes: number): string => `${Math.round(bytes / 100_000) / 10} MB`;
