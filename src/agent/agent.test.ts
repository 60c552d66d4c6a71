/**
 * The agent's way with processes, certificates and calls, over a small program that stands in for a
 * database server. What real servers do is in agent.engine.test.ts.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Assignment } from '../domain/assignment.ts';
import type { DatabaseObservation, InstanceStatus } from '../domain/status.ts';
import type { DatabaseSession, EngineDriver } from '../engines/engine.ts';
import { PlatformError } from '../lib/errors.ts';
import { newId } from '../lib/ids.ts';
import { silentLog } from '../lib/log.ts';
import { until } from '../lib/wait.ts';
import { readPidFile } from '../os/processes.ts';
import { openAuthority } from '../pki/authority.ts';
import { type RunningAgent, startAgent } from './agent.ts';
import { type AgentClient, createAgentClient } from './contract/client.ts';
import type { AgentLaunch } from './contract/contract.ts';
import { agentExitCodes } from './contract/launch.ts';
import { type Home, homeOf } from './home.ts';
import { freePorts, type Issue, type Listener, pidsWorkingIn, startListener, writeHome } from './testing.ts';

/** Ends on SIGTERM, and works in the data directory with a child that leads a session of its own. */
const standIn = `
  process.chdir('volume/data');
  require('child_process').spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
  process.on('SIGTERM', () => process.exit(0));
  setInterval(() => {}, 1000);
`;

const observation: DatabaseObservation = {
  role: 'standby',
  writable: false,
  open: true,
  position: { kind: 'lsn', timeline: 1, received: '0/10', replayed: '0/10' },
  receiver: { state: 'streaming', source: 'x', error: null },
  lagMs: 0,
  followers: [],
  connections: 0,
};

type Script = { program: string; calls: string[]; stopReceiver?: () => Promise<void> };

function standInDriver(script: Script): EngineDriver {
  const note = (call: string) => async () => void script.calls.push(call);
  return {
    kind: 'postgres',
    buildTemplate: async () => {},
    prepare: note('prepare'),
    command: () => ({ file: process.execPath, args: ['-e', script.program], env: {}, stopSignal: 'SIGTERM' }),
    connect: async (): Promise<DatabaseSession> => ({
      serverVersion: '17.0',
      observe: async () => observation,
      provisionPlatform: note('provisionPlatform'),
      enforceRule: note('enforceRule'),
      prove: note('prove'),
      provisionApplication: note('provisionApplication'),
      allowWrites: note('allowWrites'),
      refuseWrites: note('refuseWrites'),
      follow: note('follow'),
      stopReceiver: async () => {
        script.calls.push('stopReceiver');
        await script.stopReceiver?.();
        return observation.position;
      },
      open: note('open'),
      close: note('close'),
      heartbeat: async () => 1,
      quiesce: async () => 'quiet',
      end: async () => {},
    }),
  };
}

const isNode = (pid: number) => readlinkSync(`/proc/${pid}/exe`) === realpathSync(process.execPath);

describe('an agent and its stand-in server', () => {
  let keys: string;
  let issue: Issue;
  let listener: Listener;
  let controller: AgentClient;
  let home: Home;
  let launch: AgentLaunch;
  let script: Script;
  let agent: RunningAgent | undefined;

  before(async () => {
    keys = mkdtempSync(join(tmpdir(), 'mooring-keys-'));
    const authority = await openAuthority(keys);
    issue = (subject) => authority.issue(subject);
    listener = await startListener(issue);
    controller = createAgentClient(await issue({ commonName: 'controller', addresses: [] }));
  });
  after(() => {
    controller.close();
    listener.close();
    rmSync(keys, { recursive: true });
  });

  beforeEach(async () => {
    home = homeOf(mkdtempSync(join(tmpdir(), 'mooring-agent-')));
    const [agentPort = 0] = await freePorts('127.0.0.1', 1);
    const members = ['i1', 'i2'].map((instanceId, n) => ({
      instanceId,
      name: `orders-${n + 1}`,
      host: '127.0.0.1',
      port: 1000 + n,
      zone: 'a',
    }));
    launch = {
      identity: {
        clusterId: newId(),
        clusterName: 'orders',
        groupId: newId(),
        instanceId: 'i2',
        name: 'orders-2',
        ordinal: 2,
        engine: 'postgres',
        version: '17',
        size: 'small',
        zone: 'a',
        host: '127.0.0.1',
        port: 1001,
        agentPort,
        markerUuid: newId(),
        systemId: '1',
      },
      secrets: {
        adminPassword: 'a',
        replicationPassword: 'b',
        application: { user: 'u', password: 'p', database: 'd' },
      },
      pack: {
        engine: 'postgres',
        version: '17',
        fullVersion: '17.0',
        origin: 'host',
        root: '/',
        binDir: '/',
        packages: [],
      },
      assignment: {
        instanceId: 'i2',
        generation: 4,
        term: 3,
        role: 'standby',
        run: 'running',
        rule: { term: 3, leader: 'i1', cohort: ['i1', 'i2'], ackers: ['i2'], k: 1 },
        members,
        ack: 'memory',
        restartCount: 0,
      },
      controllerUrl: listener.url,
    };
    writeHome(home, launch, await issue({ commonName: 'orders-2', addresses: ['127.0.0.1'] }), null);
    script = { program: standIn, calls: [] };
  });
  afterEach(async () => {
    await agent?.stop();
    agent = undefined;
    await until(
      'the stand-in to end',
      () => {
        const pids = pidsWorkingIn(home.files.home);
        for (const pid of pids) process.kill(pid, 'SIGKILL');
        return pids.length === 0;
      },
      { deadlineMs: 10_000 },
    );
    rmSync(home.files.home, { recursive: true });
  });

  const begin = async () => {
    agent = await startAgent({
      home: home.files.home,
      launch,
      driver: standInDriver(script),
      log: silentLog,
    });
    return agent;
  };
  const reach = (look: (status: InstanceStatus) => unknown): Promise<InstanceStatus> =>
    until('the wanted status', () => [agent?.status()].find((s) => s && look(s)), { deadlineMs: 10_000 });
  const isOpen = (s: InstanceStatus) => s.phase === 'open' && s.convergedGeneration === s.generation;
  const address = () => ({ host: '127.0.0.1', port: launch.identity.agentPort, instanceId: 'i2' });
  const next = (change: Partial<Assignment>): Assignment => ({
    ...launch.assignment,
    generation: 5,
    ...change,
  });
  const isConflict = (promisedTerm: number) => (error: unknown) =>
    error instanceof PlatformError &&
    error.kind === 'conflict' &&
    error.context.promisedTerm === promisedTerm;

  describe('as a supervisor', () => {
    it('opens a standby in the order of the gate and pushes its status', async () => {
      await begin();
      await reach(isOpen);
      assert.deepEqual(script.calls, ['prepare', 'provisionPlatform', 'follow', 'open']);
      await until('a push', () => listener.newest.get('i2')?.phase === 'open', { deadlineMs: 5000 });
    });

    it('kills what a dead server has left behind before it starts another', async () => {
      await begin();
      const { server } = await reach(isOpen);
      await until('server and child', () => pidsWorkingIn(home.files.data).length === 2, {
        deadlineMs: 5000,
      });
      const child = pidsWorkingIn(home.files.data).find((pid) => pid !== server.pid) as number;
      process.kill(server.pid as number, 'SIGKILL');
      await reach((s) => isOpen(s) && s.server.pid !== server.pid);
      assert.equal(existsSync(`/proc/${child}/cwd`) && pidsWorkingIn(home.files.data).includes(child), false);
    });

    it('kills what a dead server has left behind even when it has wiped its environment', async () => {
      script.program = standIn.replace(
        "'sleep', ['1000'], {",
        `process.execPath, ['-e', '${'setInterval(() => {}, 1000)'}'], { env: {},`,
      );
      await begin();
      const { server } = await reach(isOpen);
      const child = await until(
        'the child',
        () => pidsWorkingIn(home.files.data).find((pid) => pid !== server.pid && isNode(pid)),
        { deadlineMs: 5000 },
      );
      process.kill(server.pid as number, 'SIGKILL');
      await reach((s) => isOpen(s) && s.server.pid !== server.pid);
      assert.equal(pidsWorkingIn(home.files.data).includes(child), false);
    });

    it("leaves a person's background job alone that works in the volume", async () => {
      const job = spawn('sleep', ['1000'], { cwd: home.files.data, detached: true, stdio: 'ignore' });
      await begin();
      const { server } = await reach(isOpen);
      process.kill(server.pid as number, 'SIGKILL');
      await reach((s) => isOpen(s) && s.server.pid !== server.pid);
      await agent?.stopServer();
      assert.equal(job.exitCode ?? job.signalCode, null);
    });

    it('adopts the server of an agent that is gone, with a pid file or without', async () => {
      for (const forget of [() => {}, () => rmSync(home.serverPid)]) {
        await begin();
        const { server } = await reach(isOpen);
        await agent?.stop();
        forget();
        await begin();
        assert.equal((await reach(isOpen)).server.pid, server.pid);
        await agent?.stop();
      }
      assert.equal(script.calls.filter((call) => call === 'prepare').length, 1);
    });

    it('never takes another process for its server because a pid is the same', async () => {
      writeFileSync(
        home.serverPid,
        JSON.stringify({ pid: process.pid, startTime: '1', startedAt: 1, restartCount: 0 }),
      );
      await begin();
      const status = await reach(isOpen);
      assert.notEqual(status.server.pid, process.pid);
      assert.equal(status.server.unplannedRestarts, 1);
    });

    it('says how a server ends that cannot start, and pauses between attempts', async () => {
      script.program = 'process.exit(7)';
      await begin();
      const status = await reach((s) => s.phase === 'crashed' && s.server.unplannedRestarts >= 3);
      assert.deepEqual({ ...status.server.lastExit, at: 0 }, { code: 7, signal: null, at: 0 });
      assert.match(status.why, /exit code 7.*3 times in a row/);
      assert.ok((status.server.nextStartAt ?? 0) > status.at);
    });

    it('gives up with a sentence when the data directory is gone, and still answers', async () => {
      rmSync(home.files.data, { recursive: true });
      await begin();
      await reach((s) => s.phase === 'failed');
      const status = await controller.status(address());
      assert.match(status.why, /data directory .* is missing/);
    });

    it('stays closed with an assignment that cannot be read until it is given one', async () => {
      writeFileSync(home.assignment, '{"instanceId":');
      await begin();
      await reach((s) => s.phase === 'failed');
      assert.deepEqual(script.calls, []);
      await controller.assign(address(), next({}));
      await reach(isOpen);
    });

    it('lets one agent at a time work on a home, and can be found by its arguments', async () => {
      const program = join(import.meta.dirname, '../main/agent.ts');
      const start = () => spawn(process.execPath, [program, 'run', '--home', home.files.home]);
      const first = start();
      try {
        await until('its pid file', () => readPidFile(home.agentPid), { deadlineMs: 10_000 });
        const second = start();
        assert.deepEqual(await once(second, 'exit'), [agentExitCodes.alreadyRuns, null]);
        await until('its status', () => listener.newest.get('i2'), { deadlineMs: 10_000 });
        const command = readFileSync(`/proc/${first.pid}/cmdline`, 'utf8').split('\0');
        assert.deepEqual(command.slice(-4), ['run', '--home', home.files.home, '']);
      } finally {
        first.kill('SIGKILL');
      }
    });
  });

  describe('as a party to the contract', () => {
    it('refuses an older generation and takes the same one again without doing anything', async () => {
      await begin();
      await reach(isOpen);
      await assert.rejects(controller.assign(address(), next({ generation: 3 })), isConflict(3));
      const calls = script.calls.length;
      const same = await controller.assign(address(), next({ generation: 4, restartCount: 9 }));
      assert.deepEqual(same, { generation: 4, promisedTerm: 3 });
      assert.equal(script.calls.length, calls);
      assert.equal(agent?.status().restartsDone, 0);
    });

    it('takes a call that was cancelled for no conflict, and answers each error as the API does', async () => {
      await begin();
      await reach(isOpen);
      for (const [kind, status] of [
        ['timeout', 504],
        ['cancelled', 409],
      ] as const) {
        script.stopReceiver = async () => {
          throw new PlatformError(kind, 'It did not end well');
        };
        const answer = controller.promise(address(), { term: status, coordinator: 'c1', round: 1 });
        await assert.rejects(answer, (error: PlatformError) => {
          assert.deepEqual([error.kind, error.context.status], ['unavailable', status]);
          return true;
        });
      }
    });

    it('stops the receiver, reads the position, persists, and only then replies', async () => {
      await begin();
      await reach(isOpen);
      script.stopReceiver = async () => {
        assert.equal(JSON.parse(readFileSync(home.promise, 'utf8')).term, 3);
      };
      const reply = await controller.promise(address(), { term: 8, coordinator: 'c1', round: 1 });
      assert.deepEqual(reply, { promisedTerm: 8, previousTerm: 3, position: observation.position });
      const kept = JSON.parse(readFileSync(home.promise, 'utf8'));
      assert.equal(kept.term, 8);
      assert.deepEqual(kept.outgoingRule, launch.assignment.rule);
      assert.equal(script.calls.at(-1), 'stopReceiver');
    });

    it('refuses every order of a term older than the promised one, also after a restart', async () => {
      await begin();
      await reach(isOpen);
      await controller.promise(address(), { term: 8, coordinator: 'c1', round: 1 });
      for (const again of [false, true]) {
        if (again) {
          await agent?.stop();
          await begin();
        }
        await assert.rejects(controller.assign(address(), next({})), isConflict(8));
        const late = { term: 8, coordinator: 'c2', round: 1 };
        await assert.rejects(controller.promise(address(), late), isConflict(8));
      }
      const rule = { ...launch.assignment.rule, term: 8 };
      await controller.assign(address(), next({ term: 8, rule }));
      await reach(isOpen);
      assert.equal(script.calls.at(-2) === 'follow' || script.calls.at(-1) === 'follow', true);
    });

    it('gives the same reply to a repeated promise, until its assignment has come', async () => {
      await begin();
      await reach(isOpen);
      const wanted = { term: 8, coordinator: 'c1', round: 1 };
      await controller.promise(address(), wanted);
      assert.equal((await controller.promise(address(), wanted)).promisedTerm, 8);
      await controller.assign(address(), next({ term: 8, rule: { ...launch.assignment.rule, term: 8 } }));
      await assert.rejects(controller.promise(address(), wanted), isConflict(8));
    });

    it('gives no promise when the receiver cannot be stopped, and follows on', async () => {
      await begin();
      await reach(isOpen);
      script.stopReceiver = async () => {
        throw new Error('the receiver does not stop');
      };
      await assert.rejects(
        controller.promise(address(), { term: 8, coordinator: 'c1', round: 1 }),
        /No promise given: the receiver does not stop/,
      );
      assert.equal(agent?.status().promisedTerm, 3);
      await until('following again', () => script.calls.at(-1) === 'follow', { deadlineMs: 5000 });
    });

    it('lets in nobody but the controller', async () => {
      await begin();
      const peer = createAgentClient(await issue({ commonName: 'orders-1', addresses: [] }));
      await assert.rejects(peer.status(address()), /Only the controller/);
      peer.close();
      const foreignKeys = join(home.files.home, 'foreign');
      mkdirSync(foreignKeys);
      const foreign = await (await openAuthority(foreignKeys)).issue({
        commonName: 'controller',
        addresses: [],
      });
      const ours = await issue({ commonName: 'controller', addresses: [] });
      const stranger = createAgentClient({ ...foreign, caPem: ours.caPem });
      await assert.rejects(stranger.status(address()), /does not answer/);
      stranger.close();
    });

    it('answers bad requests with a problem that says what is wrong', async () => {
      await begin();
      const me = await issue({ commonName: 'controller', addresses: [] });
      const send = (method: string, path: string, body: string) =>
        new Promise<{ status: number; detail: string }>((resolve, reject) => {
          const { host, port } = address();
          const tls = { cert: me.certPem, key: me.keyPem, ca: me.caPem };
          const outgoing = request({ host, port, method, path, ...tls }, (incoming) => {
            let text = '';
            incoming.on('data', (chunk) => {
              text += chunk;
            });
            incoming.on('end', () =>
              resolve({ status: incoming.statusCode ?? 0, detail: JSON.parse(text).detail }),
            );
          });
          outgoing.on('error', reject);
          outgoing.end(body);
        });
      assert.match((await send('PUT', '/v1/assignment', '{')).detail, /holds no JSON/);
      assert.equal((await send('PUT', '/v1/assignment', '{')).status, 400);
      const wrong = await send('POST', '/v1/promise', '{"term":0,"coordinator":"c","round":0}');
      assert.equal(wrong.status, 400);
      assert.match(wrong.detail, /term/);
      assert.equal((await send('GET', '/v2/status', '')).status, 404);
      assert.equal(
        (await send('PUT', '/v1/assignment', JSON.stringify(next({ instanceId: 'i1' })))).status,
        400,
      );
      assert.equal((await send('PUT', '/v1/assignment', ' '.repeat(1_200_000))).status, 413);
    });
  });
});
