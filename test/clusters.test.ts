/** The life of a cluster, for each engine and topology, on real servers behind the real platform. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { until } from '../src/lib/wait.ts';
import { query, untilEverywhere } from './support/databases.ts';
import { type Created, type Platform, processesOf, startPlatform } from './support/platform.ts';

const layouts = [
  { engine: 'postgres', topology: 'single' },
  { engine: 'postgres', topology: '1+1' },
  { engine: 'postgres', topology: '1+2' },
  { engine: 'postgres', topology: '1+3' },
  { engine: 'mysql', topology: 'single' },
  { engine: 'mysql', topology: '1+1' },
  { engine: 'mysql', topology: '1+2' },
  { engine: 'mysql', topology: '1+3' },
] as const;

const promised = { single: 0, '1+1': 1, '1+2': 1, '1+3': 2 } as const;

describe('a cluster from creation to purge', () => {
  let platform: Platform;
  before(async () => {
    platform = await startPlatform();
  });
  after(() => platform[Symbol.asyncDispose]());

  for (const { engine, topology } of layouts) {
    it(`lives through kills, restart, delete and undelete: ${engine} ${topology}`, async () => {
      const name = `${engine}-${topology.replace('+', 'p')}`;
      const created = await platform.create(engine, name, topology);
      const standbys = topology === 'single' ? 0 : Number(topology.slice(2));
      assert.equal(created.state, 'ready');
      assert.equal(created.instances.length, 1 + standbys);
      assert.deepEqual(
        { term: created.rule.term, k: created.rule.k, leader: created.rule.leader },
        { term: 1, k: promised[topology], leader: created.instances.find((i) => i.role === 'primary')?.name },
      );

      await query(created, created.endpoints.readWrite, 'create table t (id int primary key)');
      await query(created, created.endpoints.readWrite, 'insert into t values (1)');
      await untilEverywhere(created, 'select id from t', [['1']]);
      assert.deepEqual(await query(created, created.endpoints.readOnly, 'select count(*) from t'), [['1']]);
      await refusesWritesOnStandbys(created);

      let rows = 1;
      for (const instance of created.instances) {
        await killServer(platform, name, instance.name);
        rows += 1;
        await writeWhenPossible(created, `insert into t values (${rows})`);
        await platform.untilReady(name);
      }
      await untilEverywhere(created, 'select count(*) from t', [[String(rows)]]);

      const restart = await platform.cli('restart', name);
      assert.equal(restart.code, 0, restart.stderr);
      await platform.untilReady(name);
      await untilEverywhere(created, 'select count(*) from t', [[String(rows)]]);

      await assert.rejects(
        platform.api.call('deleteCluster', { params: { name }, body: { confirm: 'other', purge: false } }),
        /name/,
      );
      const deleted = await platform.cli('delete', name, '--yes');
      assert.equal(deleted.code, 0, deleted.stderr);
      const trash = await platform.cluster(name);
      assert.equal(trash.state, 'deleted');
      const keptDays = (Date.parse(trash.purgeAfter ?? '') - Date.now()) / 86_400_000;
      assert(keptDays > 7.9 && keptDays < 8.1, `kept for ${keptDays} days`);
      assert.deepEqual(platform.instanceProcesses(), []);

      const undeleted = await platform.cli('undelete', name);
      assert.equal(undeleted.code, 0, undeleted.stderr);
      await platform.untilReady(name);
      await untilEverywhere(created, 'select count(*) from t', [[String(rows)]]);
      await query(created, created.endpoints.readWrite, `insert into t values (${rows + 1})`);

      const purged = await platform.cli('delete', name, '--yes', '--purge');
      assert.equal(purged.code, 0, purged.stderr);
      await assert.rejects(platform.cluster(name), /not found|no cluster/i);
      assert.deepEqual(filesIn(platform, 'instances'), []);
      assert.deepEqual(filesIn(platform, 'forwarders'), []);
      assert.deepEqual(platform.instanceProcesses(), []);
      assert.deepEqual(processesOf(join(platform.dataDirectory, 'forwarders')), []);
    });
  }
});

function filesIn(platform: Platform, directory: string): string[] {
  const path = join(platform.dataDirectory, directory);
  return existsSync(path) ? readdirSync(path).filter((name) => !name.startsWith('.')) : [];
}

async function refusesWritesOnStandbys(created: Created): Promise<void> {
  for (const standby of created.instances.filter((instance) => instance.role === 'standby')) {
    await assert.rejects(query(created, standby, 'insert into t values (-1)'), /read.only/i);
  }
}

/** Kills the server with SIGKILL; it must come back by itself, and the platform must have said so. */
async function killServer(platform: Platform, cluster: string, name: string): Promise<void> {
  const find = async () => (await platform.cluster(cluster)).instances.find((i) => i.name === name);
  const instance = await find();
  assert(instance?.pid, `${name} has a server`);
  process.kill(instance.pid, 'SIGKILL');
  const back = await until(
    `${name} to come back`,
    async () => {
      const now = await find();
      return now?.state === 'open' && now.pid !== instance.pid && now.pid !== null ? now : undefined;
    },
    { deadlineMs: 60_000, everyMs: 20 },
  );
  assert.equal(back.unplannedRestarts, instance.unplannedRestarts + 1);
  assert.match(back.lastExit ?? '', /SIGKILL/);
  const events = await platform.api.call('listEvents', { params: { name: cluster } });
  assert(
    events.some((event) => event.instance === name && /SIGKILL/.test(event.message)),
    'an event tells that the server was killed',
  );
}

async function writeWhenPossible(created: Created, sql: string): Promise<void> {
  await until('a write to be acknowledged', () => query(created, created.endpoints.readWrite, sql), {
    deadlineMs: 30_000,
    everyMs: 50,
  });
}
