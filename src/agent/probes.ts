/**
 * What an agent measures besides the database: whether the disk still syncs, how full the volume is,
 * and whether a quorum still acknowledges. Each probe has one request outstanding at most, so that
 * whatever hangs is seen as an age that grows and never as a pile of waiting requests.
 */
import type { Dirent } from 'node:fs';
import { copyFile, type FileHandle, lstat, open, readdir, stat, statfs, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstanceStatus } from '../domain/status.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';

export type Probe = { stop(): Promise<void> | void };

/** `fdatasync` of a small file on the volume, in libuv's pool: a disk that hangs holds one thread. */
export function startFsyncProbe(
  path: string,
  clock: Clock,
  everyMs = 1000,
): Probe & { value(): InstanceStatus['fsync'] } {
  let begunAt: number | null = null;
  let lastMs: number | null = null;
  let file: FileHandle | undefined;
  const look = async () => {
    if (begunAt !== null) return;
    begunAt = clock.monotonicMs();
    try {
      file ??= await open(path, 'w', 0o600);
      await file.write('mooring\n', 0);
      await file.datasync();
      lastMs = round(clock.monotonicMs() - begunAt);
    } catch {
      // A full disk or a missing volume is the other probe's to report; this one measures time.
      await file?.close().catch(() => {});
      file = undefined;
    } finally {
      begunAt = null;
    }
  };
  const timer = setInterval(look, everyMs);
  void look();
  return {
    value: () => ({ lastMs, pendingMs: begunAt === null ? 0 : round(clock.monotonicMs() - begunAt) }),
    stop: () => {
      clearInterval(timer);
      // Not awaited and not closed while it hangs: stopping must not hang with it.
      if (begunAt === null) void file?.close().catch(() => {});
    },
  };
}

export type VolumeUse = InstanceStatus['volume'];

const reserveBytes = 64 * 1024 * 1024;
/** Writes are allowed again below this part of the size, so that they do not flap at the edge. */
const fullAgainBelow = 0.95;

/** Pure: whether the volume counts as full now, given whether it did before. */
export function isFull(
  use: { usedBytes: number; sizeBytes: number; freeBytes: number },
  was: boolean,
): boolean {
  if (use.usedBytes >= use.sizeBytes || use.freeBytes < reserveBytes) return true;
  return was && (use.usedBytes >= use.sizeBytes * fullAgainBelow || use.freeBytes < 2 * reserveBytes);
}

export function startVolumeProbe(
  volume: string,
  sizeBytes: number,
  onUse: (use: VolumeUse) => void,
  everyMs = 5000,
): Probe & { value(): VolumeUse } {
  let use: VolumeUse = { usedBytes: 0, sizeBytes, freeBytes: 0, full: false };
  let looking = false;
  let stopped = false;
  const look = async () => {
    if (looking) return;
    looking = true;
    try {
      const usedBytes = await usedBelow(volume);
      const system = await statfs(volume);
      const measured = { usedBytes, sizeBytes, freeBytes: system.bavail * system.bsize };
      use = { ...measured, full: isFull(measured, use.full) };
      if (!stopped) onUse(use);
    } catch {
      // The volume is missing or unreadable: the last measure stands, the server will say the rest.
    } finally {
      looking = false;
    }
  };
  const timer = setInterval(look, everyMs);
  void look();
  return {
    value: () => use,
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
}

/** Bytes that the files below `path` occupy. One file at a time: gentle before quick. */
export async function usedBelow(path: string): Promise<number> {
  const entries: Dirent[] = await readdir(path, { withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    const child = join(path, entry.name);
    // Files come and go while a database works.
    const found = await lstat(child).catch(() => undefined);
    bytes += (found?.blocks ?? 0) * 512;
    if (entry.isDirectory()) bytes += await usedBelow(child);
  }
  return bytes;
}

export type QuorumProbe = NonNullable<InstanceStatus['quorumProbe']>;

/**
 * The leader's heartbeat: a write that a quorum must acknowledge. A write that hangs is not repeated;
 * its age is the finding. It also keeps a MySQL primary moving whose last acknowledgement was lost.
 */
export function startHeartbeat(
  heartbeat: () => ((signal: AbortSignal) => Promise<number>) | null,
  clock: Clock,
  onChange: () => void,
  everyMs = 500,
): Probe & { value(): QuorumProbe; reset(): void; lastError(): string | null } {
  let current: { begunAt: number; abort: AbortController } | null = null;
  let lastAckAt: number | null = null;
  let lastLatencyMs: number | null = null;
  let lastError: string | null = null;
  const beat = async () => {
    const write = heartbeat();
    if (current || !write) return;
    const mine = { begunAt: clock.monotonicMs(), abort: new AbortController() };
    current = mine;
    try {
      const latencyMs = await write(mine.abort.signal);
      if (current !== mine) return;
      lastAckAt = clock.nowMs();
      lastLatencyMs = round(latencyMs);
      if (lastError !== null) onChange();
      lastError = null;
    } catch (error) {
      if (current === mine) lastError = messageOf(error);
    } finally {
      if (current === mine) current = null;
    }
  };
  const timer = setInterval(beat, everyMs);
  /** The server has gone or the role has changed: what hangs belongs to another life. */
  const reset = () => {
    current?.abort.abort(new Error('the heartbeat belongs to an earlier life of the server'));
    current = null;
    lastError = null;
  };
  return {
    value: () => ({
      lastAckAt,
      lastLatencyMs,
      waitingMs: current === null ? 0 : round(clock.monotonicMs() - current.begunAt),
    }),
    lastError: () => lastError,
    reset,
    stop: () => {
      clearInterval(timer);
      reset();
    },
  };
}

/** Keeps the server's own log bounded: copied away and cut, because the server holds it open. */
export async function boundServerLog(path: string, maxBytes = 16 * 1024 * 1024): Promise<void> {
  try {
    if ((await stat(path)).size < maxBytes) return;
    await copyFile(path, `${path}.1`);
    await truncate(path, 0);
  } catch {
    // No log yet, or no space for the copy: then it is cut at the next look.
  }
}

const round = (ms: number) => Math.round(ms * 10) / 10;
