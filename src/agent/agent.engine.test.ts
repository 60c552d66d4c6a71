import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { rolldown } from 'rolldown';
import type { EngineKind } from '../domain/engines.ts';
import type { InstanceStatus } from '../domain/status.ts';
import { until } from '../lib/wait.ts';
import { openAuthority } from '../pki/authority.ts';
import {
  discard,
  findPack,
  type Issue,
  type Listener,
  makeGroup,
  memoryMb,
  ownTree,
  pidsWorkingIn,
  startListener,
  type TestInstance,
  workingDirectory,
} from './testing.ts';

const engines: { engine: EngineKind; version: string }[] = [
  { engine: 'mysql', version: '9.7' },
  { engine: 'postgres', version: '17' },
];

for (const { engine, version } of engines) {
  const pack = findPack(engine, version);
  const skip = pack ? false : `no engine pack of ${engine} ${version} in MOORING_PACKS`;
  describe(`an agent with ${engine} ${version}`, { skip, timeout: 240_000 }, () => {
    if (!pack) return;
    const { path: directory, account } = workingDirectory();
    const template = join(directory, 'templates', 'template');
    const program = join(directory, 'programs', 'agent.mjs');
    let issue: Issue;
    let listener: Listener;

    before(async () => {
      mkdirSync(join(directory, 'templates'));
      ownTree(join(directory, 'templates'), account);
      await bundle(join(directory, 'programs'));
      const packFile = join(process.env.MOORING_PACKS ?? '', `${engine}-${version}`, 'pack.json');
      const built = spawnSync(
        process.execPath,
        [program, 'template', '--pack', packFile, '--dir', template],
        {
          cwd: directory,
          env: {},
          ...(account ?? {}),
        },
      );
      assert.equal(built.status, 0, built.stderr.toString());
      const authority = await openAuthority(join(directory, 'keys'));
      issue = (subject) => authority.issue(subject);
      listener = await startListener(issue);
    });
    after(() => {
      listener?.close();
      rmSync(directory, { recursive: true, force: true });
    });

    /** A group whose agents run; whatever becomes of the test, nothing of it stays. */
    async function withGroup(
      size: { name: string; standbys: number; k: number },
      test: (group: TestInstance[]) => Promise<void>,
    ): Promise<void> {
      const controllerUrl = listener.url;
      const group = await makeGroup({
        directory,
        account,
        program,
        pack: pack as NonNullable<typeof pack>,
        template,
        issue,
        controllerUrl,
        ...size,
      });
      try {
        await Promise.all(group.map((instance) => instance.startAgent()));
        await test(group);
      } catch (error) {
        tellLogs(group);
        throw error;
      } finally {
        await discard(group);
      }
    }

    it('boots a single instance gated, opens it, brings it back and is itself replaceable', async (t) => {
      await withGroup({ name: 'single', standbys: 0, k: 0 }, async ([one]) => {
        assert.ok(one);
        const open = await untilStatus(one, (s) => s.phase === 'open' && s.database?.open);
        assert.equal(open.database?.writable, true);
        assert.equal(open.database?.open, true);
        assert.equal(open.convergedGeneration, 1);
        await until('the log', () => phasesOf(one).at(-1) === 'open', { deadlineMs: 5000 });
        const gate = ['preparing', 'starting', 'gated', 'proving', 'gated', 'open'];
        assert.deepEqual(phasesOf(one), gate);

        await t.test('kill -9 of the server: it comes back by itself, gated', async () => {
          const pid = one.serverPid() as number;
          const begun = performance.now();
          process.kill(pid, 'SIGKILL');
          const back = await untilStatus(one, (s) => s.phase === 'open' && s.server.pid !== pid);
          t.diagnostic(`kill -9 of the server to open: ${Math.round(performance.now() - begun)} ms`);
          assert.equal(back.server.lastExit?.signal, 'SIGKILL');
          assert.equal(back.server.unplannedRestarts, 1);
        });

        await t.test('kill -9 of the agent: the next one adopts the same server', async () => {
          const pid = one.serverPid();
          await one.killAgent();
          await one.startAgent();
          const adopted = await untilPhase(one, 'open');
          assert.equal(adopted.server.pid, pid);
          assert.equal(adopted.server.unplannedRestarts, 1);
        });

        await t.test('a server without a pid file is found and adopted, not doubled', async () => {
          const pid = one.serverPid();
          await one.killAgent();
          rmSync(one.home.serverPid);
          await one.startAgent();
          const adopted = await untilPhase(one, 'open');
          assert.equal(adopted.server.pid, pid);
        });

        await t.test('an adopted server that is killed is brought back', async () => {
          const pid = one.serverPid() as number;
          process.kill(pid, 'SIGKILL');
          const back = await untilStatus(one, (s) => s.phase === 'open' && s.server.pid !== pid);
          assert.equal(back.server.unplannedRestarts, 2);
        });

        await t.test('both killed: the next agent counts the exit and starts a new server', async () => {
          const pid = one.serverPid() as number;
          await one.killAgent();
          process.kill(pid, 'SIGKILL');
          await one.startAgent();
          const back = await untilStatus(one, (s) => s.phase === 'open' && s.server.pid !== pid);
          assert.equal(back.server.unplannedRestarts, 3);
        });

        await t.test('it restarts once for a restartCount, over a kill of the agent', async () => {
          const pid = one.serverPid();
          await one.assign({ restartCount: 1 });
          const done = await untilStatus(one, (s) => s.phase === 'open' && s.restartsDone === 1);
          assert.notEqual(done.server.pid, pid);
          assert.equal(done.server.unplannedRestarts, 3);
          await one.killAgent();
          await one.startAgent();
          const after = await untilPhase(one, 'open');
          assert.equal(after.server.pid, done.server.pid);
          assert.equal(after.restartsDone, 1);
        });

        await t.test('a second agent on the same home is refused', () => {
          const again = spawnSync(process.execPath, [program, 'run', '--home', one.home.files.home], {
            env: {},
            ...(account ?? {}),
          });
          assert.equal(again.status, 4);
          assert.match(again.stderr.toString(), /another agent runs/);
        });

        await t.test('it stays within its memory', async () => {
          const memory = memoryMb(one.agent?.pid as number);
          t.diagnostic(
            `agent: ${memory.rss.toFixed(0)} MB resident, ${memory.pss.toFixed(0)} MB proportional`,
          );
          assert.ok(memory.rss <= 90, `${memory.rss} MB resident`);
        });

        await t.test('the leader measures its quorum, its disk and its volume', async () => {
          const status = await untilStatus(one, (s) => s.quorumProbe?.lastAckAt && s.fsync.lastMs !== null);
          assert.ok(status.volume.usedBytes > 1_000_000);
          assert.equal(status.volume.full, false);
          assert.ok(status.server.residentBytes);
          assert.equal(status.server.version?.startsWith(version), true);
        });

        await t.test('SIGTERM ends the agent and leaves the server', async () => {
          const pid = one.serverPid() as number;
          one.agent?.kill('SIGTERM');
          await until('the agent to end', () => one.agent?.exitCode === 0, { deadlineMs: 5000 });
          process.kill(pid, 0);
          await one.startAgent();
          assert.equal((await untilPhase(one, 'open')).server.pid, pid);
        });

        await t.test('SIGINT stops the server first, and the next start is no crash', async () => {
          const before = (await untilPhase(one, 'open')).server.unplannedRestarts;
          one.agent?.kill('SIGINT');
          await until('the agent to end', () => one.agent?.exitCode === 0, { deadlineMs: 30_000 });
          assert.deepEqual(pidsWorkingIn(one.home.files.volume), []);
          await one.startAgent();
          assert.equal((await untilPhase(one, 'open')).server.unplannedRestarts, before);
        });

        await t.test('it stops the server when told so, and starts it again', async () => {
          await one.assign({ run: 'stopped' });
          const stopped = await untilPhase(one, 'stopped');
          assert.equal(stopped.server.pid, null);
          assert.equal(stopped.server.unplannedRestarts, 3);
          assert.deepEqual(
            pidsWorkingIn(one.home.files.volume),
            [],
            'something of the server is left in its volume',
          );
          await one.assign({ run: 'running' });
          await untilPhase(one, 'open');
        });

        await t.test('a promise fences it: closed until the assignment of the new term', async () => {
          const address = agentAddress(one);
          const reply = await one.client.promise(address, { term: 5, coordinator: 'c1', round: 1 });
          assert.equal(reply.promisedTerm, 5);
          assert.equal(reply.previousTerm, 1);
          assert.ok(reply.position);
          const gated = await untilPhase(one, 'gated');
          assert.match(gated.why, /Term 5 is promised/);
          await one.killAgent();
          process.kill(one.serverPid() as number, 'SIGKILL');
          await one.startAgent();
          await untilStatus(
            one,
            (s) => s.phase === 'gated' && s.promisedTerm === 5 && s.database?.open === false,
          );
          await one.assign({ term: 5, rule: { ...one.assignment.rule, term: 5 } });
          await untilPhase(one, 'open');
        });

        await t.test('a promise file that is gone keeps it closed, and it says so', async () => {
          await one.killAgent();
          process.kill(one.serverPid() as number, 'SIGKILL');
          rmSync(one.home.promise);
          await one.startAgent();
          const failed = await untilPhase(one, 'failed');
          assert.match(failed.why, /promise\.json/);
          assert.equal(failed.server.pid, null);
        });
      });
    });

    it('runs one primary and one standby, and waits for the standby before it opens', async (t) => {
      const begun = performance.now();
      await withGroup({ name: 'pair', standbys: 1, k: 1 }, async ([one, two]) => {
        assert.ok(one && two);
        const leader = await untilPhase(one, 'open');
        const standby = await untilPhase(two, 'open');
        t.diagnostic(`1+1 from agents started to both open: ${Math.round(performance.now() - begun)} ms`);
        assert.equal(leader.database?.role, 'primary');
        assert.equal(standby.database?.role, 'standby');
        await untilStatus(two, (s) => s.database?.receiver?.state === 'streaming');
        const pushed = await until('pushes of both', () => listener.newest.get(two.identity.instanceId), {
          deadlineMs: 5000,
        });
        assert.equal(pushed.phase, 'open');

        // Without its standby the primary may not open again: it names whom it waits for.
        await two.assign({ run: 'stopped' });
        await untilPhase(two, 'stopped');
        const pid = one.serverPid() as number;
        process.kill(pid, 'SIGKILL');
        const proving = await untilStatus(one, (s) => s.phase === 'proving' && s.server.pid !== pid);
        assert.match(proving.why, /pair-2/);
        assert.equal(proving.database?.open ?? false, false);
        await two.assign({ run: 'running' });
        await untilPhase(one, 'open');
        await untilPhase(two, 'open');

        // A promise of the standby: its receiver stops, and the primary's quorum probe shows it.
        const reply = await two.client.promise(agentAddress(two), { term: 2, coordinator: 'c1', round: 1 });
        assert.ok(reply.position);
        await untilStatus(
          two,
          (s) => s.database?.receiver === null || s.database?.receiver.state === 'stopped',
        );
        await untilStatus(one, (s) => (s.quorumProbe?.waitingMs ?? 0) > 1000);
        await two.assign({ term: 2, rule: { ...two.assignment.rule, term: 2 } });
        await one.assign({ term: 2, rule: { ...one.assignment.rule, term: 2 } });
        await untilStatus(
          two,
          (s) => s.database?.receiver?.state === 'streaming' && s.convergedGeneration === s.generation,
        );
        await untilStatus(
          one,
          (s) => s.quorumProbe?.waitingMs === 0 && s.convergedGeneration === s.generation,
        );
      });
    });
  });
}

function agentAddress({ identity }: TestInstance) {
  return { host: identity.host, port: identity.agentPort, instanceId: identity.instanceId };
}

async function untilStatus(
  instance: TestInstance,
  look: (status: InstanceStatus) => unknown,
): Promise<InstanceStatus> {
  let last: InstanceStatus | undefined;
  try {
    return await until(
      `the wanted status of ${instance.identity.name}`,
      async () => {
        last = await instance.status();
        return look(last) ? last : undefined;
      },
      { deadlineMs: 30_000, maxEveryMs: 50 },
    );
  } catch (error) {
    throw new Error(`last status: ${JSON.stringify(last)}`, { cause: error });
  }
}

const untilPhase = (instance: TestInstance, phase: InstanceStatus['phase']) =>
  untilStatus(
    instance,
    (s) => s.phase === phase && (phase !== 'open' || s.convergedGeneration === s.generation),
  );

/** The phases that the agent has logged, in order. */
function phasesOf(instance: TestInstance): string[] {
  return readFileSync(instance.home.agentLog, 'utf8')
    .trimEnd()
    .split('\n')
    .flatMap((line) => (JSON.parse(line) as { to?: string }).to ?? []);
}

async function bundle(directory: string): Promise<void> {
  const build = await rolldown({
    input: { agent: join(import.meta.dirname, '..', 'main', 'agent.ts') },
    platform: 'node',
    external: ['pg-native', 'cloudflare:sockets'],
    logLevel: 'silent',
  });
  await build.write({ dir: directory, format: 'esm', minify: true, entryFileNames: '[name].mjs' });
  await build.close();
  chmodSync(directory, 0o755);
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
}

function tellLogs(instances: readonly TestInstance[]): void {
  for (const { home } of instances) {
    for (const file of [home.agentLog, join(home.files.log, 'agent.out'), home.serverLog]) {
      if (!existsSync(file)) continue;
      const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-25).join('\n');
      process.stderr.write(`--- ${file}\n${lines}\n`);
    }
  }
}
