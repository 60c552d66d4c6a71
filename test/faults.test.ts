/** What survives what: the platform, the forwarder, the store, agents and servers die by SIGKILL. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PlatformError } from '../src/lib/errors.ts';
import { until } from '../src/lib/wait.ts';
import { signal } from '../src/os/processes.ts';
import { type Database, openDatabase, query, untilEverywhere } from './support/databases.ts';
import { type Created, type Platform, startPlatform } from './support/platform.ts';
import {
  agentOf,
  forwarderOf,
  killOne,
  runningTwice,
  serverOf,
  storeOf,
  survivorsOf,
} from './support/processes.ts';

const engines = ['postgres', 'mysql'] as const;
const patience = { deadlineMs: 30_000, everyMs: 20 };

describe('a process that is killed', () => {
  let platform: Platform;
  const clusters: Created[] = [];
  const names = engines.map((engine) => `${engine}-pair`);
  const rows = new Map<string, number>();

  before(async () => {
    platform = await startPlatform();
    for (const engine of engines) clusters.push(await platform.create(engine, `${engine}-pair`, '1+1'));
    for (const created of clusters) {
      await query(created, created.endpoints.readWrite, 'create table t (id int primary key)');
    }
  });
  after(() => platform[Symbol.asyncDispose]());

  /** The next row; whoever gets it acknowledged has it on every member. */
  const insert = async (created: Created, database?: Database) => {
    const id = (rows.get(created.name) ?? 0) + 1;
    const sql = `insert into t values (${id})`;
    await (database === undefined ? query(created, created.endpoints.readWrite, sql) : database.query(sql));
    rows.set(created.name, id);
  };
  const insertWhenPossible = async (created: Created) => {
    // A connection may break after the commit: then the row is there, and the next one is tried.
    await until(
      'a write through the endpoint',
      async () => {
        await insert(created).catch((error) => {
          if (/duplicate/i.test(String(error))) rows.set(created.name, (rows.get(created.name) ?? 0) + 1);
          throw error;
        });
        return true;
      },
      patience,
    );
  };
  const untilEqual = async () => {
    for (const created of clusters) {
      await untilEverywhere(created, 'select count(*), max(id) from t', [
        [String(rows.get(created.name)), String(rows.get(created.name))],
      ]);
    }
  };
  const untilAllReady = async () => {
    for (const name of names) await platform.untilReady(name);
  };
  const memberOf = async (created: Created, role: 'primary' | 'standby') => {
    const { instances } = await platform.cluster(created.name);
    const member = instances.find((instance) => instance.role === role);
    assert(member, `${created.name} has a ${role}`);
    return member;
  };
  /** The server, killed while nobody but its agent looks after it, runs again under another pid. */
  const untilServerIsBack = (instanceId: string, before: number | undefined) =>
    until(
      'the agent to start its server again',
      () => {
        const pid = serverOf(platform, instanceId)?.pid;
        return pid !== undefined && pid !== before;
      },
      patience,
    );

  it('is the platform: no database and no client connection is disturbed, and all is adopted', async () => {
    await using open = new AsyncDisposableStack();
    const connections: { created: Created; database: Database }[] = [];
    for (const created of clusters) {
      const primary = await memberOf(created, 'primary');
      for (const address of [created.endpoints.readWrite, primary]) {
        const database = await openDatabase(created, address);
        open.defer(() => database.end());
        connections.push({ created, database });
      }
    }
    const writeOnEach = async () => {
      for (const { created, database } of connections) await insert(created, database);
    };
    await writeOnEach();
    const members = await Promise.all(
      clusters.map(async (created) => ({
        created,
        primary: await memberOf(created, 'primary'),
        standby: await memberOf(created, 'standby'),
      })),
    );
    const survivors = await survivorsOf(platform, names);

    await platform.kill();
    await writeOnEach();
    for (const { created } of members) await insert(created);
    for (const { created, standby } of members) {
      assert(killOne(platform, 'server', standby.id));
      // The write waits for the standby's acknowledgement, so it returns when the standby is back.
      await insert(created);
      await untilServerIsBack(standby.id, survivors[`server of ${standby.name}`]);
      survivors[`server of ${standby.name}`] = serverOf(platform, standby.id)?.pid ?? 0;
    }
    await writeOnEach();

    await platform.start();
    await untilAllReady();
    assert.deepEqual(await survivorsOf(platform, names), survivors, 'everything was adopted');
    await writeOnEach();

    await platform.kill();
    for (const { created, primary } of members) {
      const pid = serverOf(platform, primary.id)?.pid;
      assert(killOne(platform, 'server', primary.id));
      await untilServerIsBack(primary.id, pid);
      await insertWhenPossible(created);
    }
    await platform.start();
    await untilAllReady();
    await untilEqual();
    assert.deepEqual(runningTwice(platform), []);
  });

  it('is the forwarder: it comes back on the same address by itself', async () => {
    for (const created of clusters) {
      const { id, endpoints } = await platform.cluster(created.name);
      const killed = forwarderOf(platform, id);
      assert(signal(killed, 'SIGKILL'));
      await insertWhenPossible(created);
      const now = await platform.untilReady(created.name);
      assert.notEqual(forwarderOf(platform, id)?.pid, killed?.pid);
      assert.deepEqual(now.endpoints, endpoints);
    }
  });

  it('is the store: the API answers 503 meanwhile, it comes back, and clusters go on', async () => {
    await using direct = await openDatabase(clusters[0]!, clusters[0]!.endpoints.readWrite);
    await insert(clusters[0]!, direct);
    const before = await survivorsOf(platform, names);
    assert(signal(storeOf(platform), 'SIGKILL'));
    const refusals = new Set<string>();
    await until(
      'the API to answer again',
      async () => {
        await insert(clusters[0]!, direct);
        try {
          return await platform.cluster(names[0]!);
        } catch (error) {
          assert(error instanceof PlatformError, String(error));
          refusals.add(`${error.kind}: ${error.publicMessage} (${error.hint})`);
          return undefined;
        }
      },
      patience,
    );
    assert.equal(refusals.size, 1, [...refusals].join('\n'));
    assert.match([...refusals][0]!, /^unavailable: .*store.*Try again/);
    await untilAllReady();
    const { store: storeBefore, ...othersBefore } = before;
    const { store: storeNow, ...othersNow } = await survivorsOf(platform, names);
    assert.notEqual(storeNow, storeBefore);
    assert.deepEqual(othersNow, othersBefore);
    for (const created of clusters) await insert(created);
  });

  for (const role of ['primary', 'standby'] as const) {
    it(`is the agent of a ${role}: another one adopts the server, and the cluster says both`, async () => {
      for (const created of clusters) {
        const member = await memberOf(created, role);
        const server = serverOf(platform, member.id);
        const agent = agentOf(platform, member.id);
        assert(signal(agent, 'SIGKILL'));
        await until(
          'another agent to report',
          async () =>
            agentOf(platform, member.id) !== undefined && agentOf(platform, member.id)?.pid !== agent?.pid,
          patience,
        );
        await insert(created);
        const now = await platform.untilReady(created.name);
        assert.match(now.explain[0]!, /takes reads and writes; its standby follows/);
        assert.equal(now.explain.length, 1, now.explain.join('\n'));
        assert.equal(serverOf(platform, member.id)?.pid, server?.pid);
      }
    });

    it(`is the agent of a ${role}, and its server too: both come back`, async () => {
      for (const created of clusters) {
        const member = await memberOf(created, role);
        const server = serverOf(platform, member.id);
        assert(killOne(platform, 'agent', member.id));
        assert(killOne(platform, 'server', member.id));
        await untilServerIsBack(member.id, server?.pid);
        await insertWhenPossible(created);
        await platform.untilReady(created.name);
        assert.deepEqual(runningTwice(platform), []);
      }
      await untilEqual();
    });
  }
});
