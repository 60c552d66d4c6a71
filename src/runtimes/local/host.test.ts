import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { sizeOffers } from '../../domain/sizes.ts';
import { createLimits } from './cgroups.ts';
import { simulatedHosts } from './hosts.ts';
import { createPortFinder } from './ports.ts';
import { bench } from './stand-ins.ts';

const none: ReadonlySet<number> = new Set();

describe('simulated hosts', () => {
  it('have zones, names and addresses of their own', () => {
    const hosts = simulatedHosts({ zones: 3, hostsPerZone: 2 });
    assert.deepEqual(
      hosts.map((h) => `${h.id} ${h.zone} ${h.address}`),
      [
        'a1 a 127.20.1.1',
        'a2 a 127.20.1.2',
        'b1 b 127.20.2.1',
        'b2 b 127.20.2.2',
        'c1 c 127.20.3.1',
        'c2 c 127.20.3.2',
      ],
    );
    assert.throws(() => simulatedHosts({ zones: 0, hostsPerZone: 2 }), /1 to 26/);
  });

  it('report what the machine has', async () => {
    await using b = await bench();
    const capacity = await (await b.runtime()).capacity();
    assert.equal(capacity.length, 6);
    assert.ok(capacity.every((c) => c.memoryFreeMb > 0 && c.diskFreeGb >= 0));
  });
});

describe('ports', () => {
  it('are free on the address, not taken, and not proposed twice', async () => {
    const find = createPortFinder({ first: 24_980, last: 24_990 }, 'platform');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(24_981, '127.20.1.1', resolve));
    try {
      const all = await Promise.all([1, 2, 3].map(() => find('127.20.1.1', 3, new Set([24_980]))));
      assert.equal(new Set(all.flat()).size, 9, 'each once');
      assert.ok(!all.flat().includes(24_980) && !all.flat().includes(24_981));
      assert.ok((await find('127.20.1.2', 11, none)).includes(24_981), 'another host has its own ports');
    } finally {
      server.close();
    }
  });

  it('begin elsewhere for another platform, which may be starting a server that holds none yet', async () => {
    const first = async (owner: string) =>
      (await createPortFinder({ first: 21_000, last: 24_999 }, owner)('127.20.1.1', 1, none))[0];
    assert.notEqual(await first('one'), await first('other'));
  });

  it('are refused with what to do when the range is exhausted', async () => {
    const find = createPortFinder({ first: 24_991, last: 24_992 }, 'platform');
    await assert.rejects(find('127.20.1.1', 3, none), { kind: 'refused', hint: /purge/ });
    assert.equal((await find('127.20.1.1', 2, none)).length, 2);
  });
});

describe('limits', () => {
  const onProblem = () => {};

  it('say that they need root when started by a user', () => {
    const limits = createLimits({ platformId: 'p', isRoot: false, onProblem });
    const [memory] = limits.enforcement();
    assert.equal(memory?.enforced, false);
    assert.match(memory?.how ?? '', /need root/);
  });

  it('say that the host has no control groups when it has none', () => {
    const root = mkdtempSync('/tmp/mooring-cgroup-');
    const limits = createLimits({ platformId: 'p', root, ownGroups: '', isRoot: true, onProblem });
    assert.deepEqual(
      limits.enforcement().map((e) => e.enforced),
      [false, false, false],
    );
    rmSync(root, { recursive: true });
  });

  it('use version 2 groups at the top of the hierarchy', async () => {
    const root = mkdtempSync('/tmp/mooring-cgroup-');
    writeFileSync(join(root, 'cgroup.controllers'), 'cpuset cpu io memory pids\n');
    // The kernel makes these files; here the group that is probed already holds them.
    mkdirSync(join(root, 'mooring-p'));
    const limits = createLimits({
      platformId: 'p',
      root,
      ownGroups: '0::/user.slice',
      isRoot: true,
      onProblem,
    });
    await limits.apply('one', sizeOffers.small, () => [123], join(root, 'limits.json'));
    const memory = readFileSync(join(root, 'mooring-p', 'one', 'memory.max'), 'utf8');
    assert.equal(Number(memory), (512 + 192) * 1024 * 1024);
    assert.equal(readFileSync(join(root, 'mooring-p', 'one', 'cgroup.procs'), 'utf8'), '123');
    rmSync(root, { recursive: true });
  });
});
