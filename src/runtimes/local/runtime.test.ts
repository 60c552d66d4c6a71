import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { until } from '../../lib/wait.ts';
import { identify, isAlive, readPidFile, signal } from '../../os/processes.ts';
import type { ForwarderLaunch, InstanceLaunch } from '../runtime.ts';
import { type Bench, bench, identity, launch, pack } from './stand-ins.ts';

const home = (b: Bench, id = 'instance-1') => join(b.dataDirectory, 'instances', id);
const soon = { deadlineMs: 10_000 };

function pidsOf(b: Bench, id?: string) {
  return until(
    'pid files',
    () => {
      const agent = readPidFile(join(home(b, id), 'agent.pid'));
      const server = readPidFile(join(home(b, id), 'state', 'server.pid'));
      return isAlive(agent) && isAlive(server) && agent && server && { agent, server };
    },
    soon,
  );
}

async function started(b: Bench, id?: string) {
  const runtime = await b.runtime();
  await runtime.ensureVolume(identity(id));
  await runtime.ensureAgent(launch(id));
  return { runtime, ...(await pidsOf(b, id)) };
}

describe('templates and volumes', () => {
  it('two creations at once build one template', async () => {
    await using b = await bench();
    const runtime = await b.runtime();
    await Promise.all(['one', 'two', 'three'].map((id) => runtime.ensureVolume(identity(id))));
    assert.equal(readFileSync(join(b.dataDirectory, 'templates', 'built'), 'utf8'), 'x');
    for (const id of ['one', 'two', 'three']) {
      const file = statSync(join(home(b, id), 'volume', 'data', 'ibdata1'));
      assert.equal(file.size, 100_000);
      if (b.account) assert.equal(file.uid, b.account.uid);
    }
    assert.equal(statSync(join(home(b, 'one'), 'volume')).mode & 0o777, 0o700);
  });

  it('a complete volume is never touched', async () => {
    await using b = await bench();
    const runtime = await b.runtime();
    await runtime.ensureVolume(identity());
    const file = join(home(b), 'volume', 'data', 'ibdata1');
    writeFileSync(file, 'rows of a customer');
    await (await b.runtime()).ensureVolume(identity());
    assert.equal(readFileSync(file, 'utf8'), 'rows of a customer');
  });

  it('a copy that a crash has cut short is made again', async () => {
    await using b = await bench();
    const runtime = await b.runtime();
    await mkdir(join(home(b), 'volume.partial.old', 'data'), { recursive: true });
    await mkdir(join(b.dataDirectory, 'templates', 'mysql-9.7.4.partial.old'), { recursive: true });
    await runtime.ensureVolume(identity());
    assert.equal(statSync(join(home(b), 'volume', 'data', 'ibdata1')).size, 100_000);
    const left = [...(await readdir(home(b))), ...(await readdir(join(b.dataDirectory, 'templates')))];
    assert.deepEqual(
      left.filter((name) => name.includes('partial')),
      [],
    );
  });

  it('a template that cannot be built says why, and the next try starts afresh', async () => {
    await using b = await bench();
    let root = 'broken';
    const runtime = await b.runtime({ packs: async () => pack(root) });
    await assert.rejects(runtime.ensureEngine('mysql', '9.7'), /initialisation went wrong/);
    root = 'fine';
    await runtime.ensureEngine('mysql', '9.7');
  });

  it('a full disk refuses the volume, says what to do and leaves nothing', async (t) => {
    const disk = await mkdtemp('/tmp/mooring-disk-');
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=152m,mode=755', 'tmpfs', disk], { stdio: 'ignore' });
    } catch {
      await rm(disk, { recursive: true });
      return t.skip('needs root, to mount a small disk');
    }
    try {
      await using b = await bench(disk);
      const runtime = await b.runtime({ packs: async () => pack('big') });
      await runtime.ensureEngine('mysql', '9.7');
      const refused = (id: string) =>
        assert.rejects(runtime.ensureVolume(identity(id)), (error: { kind: string; hint: string }) => {
          assert.equal(error.kind, 'refused');
          assert.match(String(error), /too full to make a volume/);
          assert.match(error.hint, /--purge/);
          return true;
        });
      const nothingLeft = async (id: string) =>
        assert.deepEqual(
          (await readdir(home(b, id))).filter((name) => name.startsWith('volume')),
          [],
        );
      // Runs out in the middle of the copy.
      await refused('one');
      await nothingLeft('one');
      // Has no room for the smallest file.
      const filler = execFileSync('sh', [
        '-c',
        `cat /dev/zero > ${disk}/all 2>/dev/null; stat -c %s ${disk}/all`,
      ]);
      assert.ok(Number(filler) > 0);
      await assert.rejects(runtime.ensureAgent(launch('three')), { kind: 'refused' });
      await rm(join(disk, 'all'));
      // Is too full to begin with.
      writeFileSync(join(disk, 'filler'), Buffer.alloc(40_000_000));
      await refused('two');
      await nothingLeft('two');
      execFileSync('mount', ['-o', 'remount,size=400m', disk]);
      await runtime.ensureVolume(identity('one'));
    } finally {
      execFileSync('umount', [disk]);
      await rm(disk, { recursive: true });
    }
  });
});

describe('agents', () => {
  it('get their launch file and certificates, readable by the account only', async () => {
    await using b = await bench();
    await started(b);
    const file = join(home(b), 'agent.json');
    const said = JSON.parse(readFileSync(file, 'utf8'));
    assert.equal(said.controllerUrl, 'https://127.0.0.1:1');
    assert.equal(said.pack.fullVersion, '9.7.4');
    assert.equal(said.certificate, undefined);
    assert.equal(readFileSync(join(home(b), 'tls', 'server.key'), 'utf8'), 'key');
    for (const path of [file, join(home(b), 'tls', 'server.key')]) {
      assert.equal(statSync(path).mode & 0o777, 0o600);
      if (b.account) assert.equal(statSync(path).uid, b.account.uid);
    }
  });

  it('are adopted by the next life of the platform', async () => {
    await using b = await bench();
    const { agent, server } = await started(b);
    const next = await b.runtime();
    assert.equal(await next.agentRunning('instance-1'), true);
    await next.ensureAgent(launch());
    assert.deepEqual(await pidsOf(b), { agent, server });
  });

  it('are adopted even when the platform died before a pid file was written', async () => {
    await using b = await bench();
    const runtime = await b.runtime();
    await runtime.ensureVolume(identity());
    const lazy = { ...launch(), lazy: true } as InstanceLaunch;
    await Promise.all([runtime.ensureAgent(lazy), runtime.ensureAgent(lazy)]);
    const next = await b.runtime();
    await next.ensureAgent(lazy);
    const pgrep = execFileSync('pgrep', ['-f', `run --home ${home(b)}$`])
      .toString()
      .trim()
      .split('\n');
    assert.equal(pgrep.length, 1);
    await next.stopInstance('instance-1', 'now');
    assert.equal(await next.agentRunning('instance-1'), false);
  });

  it('are limited together with their server where the host allows it, and it is said where not', async () => {
    await using b = await bench();
    const { runtime, server } = await started(b);
    const [memory] = await runtime.enforcement();
    const groups = readFileSync(`/proc/${server.pid}/cgroup`, 'utf8');
    assert.equal(/\/mooring-test-\d+\/instance-1/.test(groups), memory?.enforced, memory?.how);
  });

  it('come back when they were killed', async () => {
    await using b = await bench();
    const { runtime, agent } = await started(b);
    signal(agent, 'SIGKILL');
    await until('the agent to be gone', async () => !(await runtime.agentRunning('instance-1')), soon);
    await runtime.ensureAgent(launch());
    assert.equal(await runtime.agentRunning('instance-1'), true);
  });

  it('a recycled pid in a pid file is neither adopted nor killed', async () => {
    await using b = await bench();
    const runtime = await b.runtime();
    await runtime.ensureVolume(identity());
    await mkdir(join(home(b), 'state'), { recursive: true });
    const bystander = spawn('sleep', ['1000'], { stdio: 'ignore' });
    try {
      const stale = JSON.stringify({ pid: bystander.pid, startTime: '1' });
      writeFileSync(join(home(b), 'agent.pid'), stale);
      writeFileSync(join(home(b), 'state', 'server.pid'), stale);
      assert.equal(await runtime.agentRunning('instance-1'), false);
      await runtime.stopInstance('instance-1', 'now');
      assert.ok(isAlive(identify(bystander.pid!)));
      if (b.account) {
        // Not even with the right start time: it is not the account's process.
        writeFileSync(join(home(b), 'state', 'server.pid'), JSON.stringify(identify(bystander.pid!)));
        await runtime.stopInstance('instance-1', 'now');
        assert.ok(isAlive(identify(bystander.pid!)));
      }
    } finally {
      bystander.kill('SIGKILL');
    }
  });
});

describe('stopping and removing', () => {
  it('stopping ends agent and server and keeps the volume', async () => {
    await using b = await bench();
    const { runtime, agent, server } = await started(b);
    await runtime.stopInstance('instance-1', 'now');
    await runtime.stopInstance('instance-1', 'now');
    assert.equal(isAlive(agent) || isAlive(server), false);
    assert.ok(existsSync(join(home(b), 'volume', 'data', 'ibdata1')));
  });

  it('a server that no pid file names is ended all the same', async () => {
    await using b = await bench();
    const { runtime, server } = await started(b);
    await rm(join(home(b), 'state', 'server.pid'));
    await runtime.stopInstance('instance-1', 'now');
    assert.equal(isAlive(server), false);
  });

  it('removing leaves neither files nor processes, and may be repeated', async () => {
    await using b = await bench();
    const { runtime, agent, server } = await started(b);
    assert.deepEqual(await runtime.inventory(), { instances: ['instance-1'], forwarders: [] });
    await runtime.removeInstance('instance-1');
    await runtime.removeInstance('instance-1');
    assert.equal(isAlive(agent) || isAlive(server), false);
    assert.deepEqual(await runtime.inventory(), { instances: [], forwarders: [] });
    assert.deepEqual(await readdir(join(b.dataDirectory, 'instances', '.trash')), []);
  });

  it('refuses ids that could leave the directory', async () => {
    await using b = await bench();
    const runtime = await b.runtime();
    await assert.rejects(runtime.removeInstance('../keys'), /not an id/);
  });
});

describe('forwarders', () => {
  const forwarder: ForwarderLaunch = {
    clusterId: 'cluster-1',
    clusterName: 'orders',
    endpoints: [{ purpose: 'readWrite', host: '127.0.0.1', port: 21_100 }],
    feedUrl: 'http://127.0.0.1:1/feed',
    feedToken: 'feed_1',
  };

  it('start once, are adopted, and end', async () => {
    await using b = await bench();
    const runtime = await b.runtime();
    await runtime.ensureForwarder(forwarder, []);
    const pidFile = join(b.dataDirectory, 'forwarders', 'cluster-1', 'forwarder.pid');
    const first = await until('its pid file', () => readPidFile(pidFile), soon);
    const next = await b.runtime();
    await next.ensureForwarder(forwarder, []);
    assert.deepEqual(readPidFile(pidFile), first);
    assert.deepEqual((await next.inventory()).forwarders, ['cluster-1']);
    await next.stopForwarder('cluster-1');
    assert.equal(isAlive(first), false);
    assert.equal(await next.forwarderRunning('cluster-1'), false);
    assert.deepEqual((await next.inventory()).forwarders, []);
  });

  it('are ended before their home is removed, even when nothing but their place tells them', async () => {
    await using b = await bench();
    const runtime = await b.runtime();
    await runtime.ensureForwarder(forwarder, []);
    const cwd = join(b.dataDirectory, 'forwarders', 'cluster-1');
    const stray = spawn('sleep', ['1000'], { cwd, detached: true, stdio: 'ignore', ...b.account });
    try {
      await runtime.stopForwarder('cluster-1');
      assert.equal(isAlive(identify(stray.pid!)), false);
      assert.equal(existsSync(cwd), false);
    } finally {
      stray.kill('SIGKILL');
    }
  });

  it('open endpoints only when the volumes are on the disk', async () => {
    await using b = await bench();
    const { runtime } = await started(b);
    await runtime.ensureForwarder(forwarder, []);
    assert.ok(existsSync(join(home(b), 'volume.synced')));
  });
});
