import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { until } from '../lib/wait.ts';
import { isFull, startFsyncProbe, startHeartbeat, usedBelow } from './probes.ts';

const GiB = 1024 ** 3;
const MiB = 1024 ** 2;

describe('the probes', () => {
  it('a volume is full at its size or when its file system ends, and stays so until there is room', () => {
    const cases: [usedGb: number, freeMb: number, was: boolean, full: boolean][] = [
      [1, 5000, false, false],
      [10, 5000, false, true],
      [9.9, 5000, false, false],
      [9.9, 5000, true, true],
      [9.5, 5000, true, true],
      [9.4, 5000, true, false],
      [1, 63, false, true],
      [1, 65, false, false],
      [1, 65, true, true],
      [1, 200, true, false],
    ];
    for (const [usedGb, freeMb, was, full] of cases) {
      const use = { usedBytes: usedGb * GiB, sizeBytes: 10 * GiB, freeBytes: freeMb * MiB };
      assert.equal(isFull(use, was), full, JSON.stringify([usedGb, freeMb, was]));
    }
  });

  it('counts what files occupy, follows no link, and takes a missing directory for empty', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'mooring-use-'));
    try {
      mkdirSync(join(directory, 'a'));
      writeFileSync(join(directory, 'a', 'file'), Buffer.alloc(MiB, 1));
      const used = await usedBelow(directory);
      assert.ok(used >= MiB && used < MiB + 64 * 1024, String(used));
      symlinkSync('/usr', join(directory, 'link'));
      assert.ok((await usedBelow(directory)) < MiB + 64 * 1024);
      assert.equal(await usedBelow(join(directory, 'missing')), 0);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('measures how long the disk takes to sync', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'mooring-fsync-'));
    const probe = startFsyncProbe(join(directory, 'probe'), systemClock, 5);
    try {
      await until('a measure', () => probe.value().lastMs !== null, { deadlineMs: 5000 });
      assert.ok(probe.value().pendingMs >= 0);
    } finally {
      await probe.stop();
      rmSync(directory, { recursive: true });
    }
  });

  it('has one heartbeat outstanding at most, shows its age, and forgets it with the server', async () => {
    let begun = 0;
    let release = (_ms: number) => {};
    const probe = startHeartbeat(
      () => () => {
        begun += 1;
        return new Promise<number>((resolve) => {
          release = resolve;
        });
      },
      systemClock,
      () => {},
      2,
    );
    try {
      await until('an age of 30 ms', () => probe.value().waitingMs >= 30, { deadlineMs: 5000 });
      assert.equal(begun, 1);
      release(7);
      await until('the acknowledgement', () => probe.value().lastLatencyMs === 7, { deadlineMs: 5000 });
      await until('the next one', () => begun === 2, { deadlineMs: 5000 });
      probe.reset();
      assert.equal(probe.value().waitingMs, 0);
    } finally {
      await probe.stop();
    }
  });
});
