import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLog } from '../../lib/log.ts';
import { until } from '../../lib/wait.ts';
import { openAuthority } from '../../pki/authority.ts';
import { connectLocally } from './connection.ts';
import { postgresDriver } from './driver.ts';
import {
  type Authority,
  applicationClient,
  findPack,
  Group,
  kill,
  lead,
  memoryOf,
  sessionOf,
  start,
  unprivilegedDirectory,
} from './testing.ts';

const pack = findPack();

describe('the PostgreSQL driver with real servers', {
  skip: pack === undefined && 'no engine pack for PostgreSQL 17',
}, () => {
  if (pack === undefined) return;
  let directory: string;
  let template: string;
  let authority: Authority;
  const groups: Group[] = [];
  let nextId = 7_000_000_000_000_000_001n;

  const makeGroup = async (name: string, standbys: number, k: number) => {
    const systemId = String(nextId++);
    const group = await Group.make({ directory, template, pack, authority, name, standbys, k, systemId });
    groups.push(group);
    return group;
  };
  const createdGroup = async (name: string, standbys: number, k: number) => {
    const group = await makeGroup(name, standbys, k);
    await group.create(template);
    return group;
  };
  const serving = async (name: string, standbys: number, k: number) => {
    const group = await createdGroup(name, standbys, k);
    const session = sessionOf(group.at(0));
    await session.provisionApplication();
    await session.allowWrites();
    await Promise.all(group.instances.map((instance) => sessionOf(instance).open()));
    return group;
  };

  before(async () => {
    directory = unprivilegedDirectory();
    template = join(directory, 'template');
    mkdirSync(join(directory, 'ca'));
    authority = await openAuthority(join(directory, 'ca'));
    await postgresDriver.buildTemplate(template, pack, silentLog);
  });
  afterEach(async () => {
    await Promise.all(groups.splice(0).map((group) => group.destroy()));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('takes a 1+2 group from the template to an acknowledged commit of the application', async (t) => {
    const startedMs = performance.now();
    const group = await createdGroup('first', 2, 1);
    const markedMs = performance.now();
    const leader = group.at(0);
    await sessionOf(leader).provisionApplication();
    await sessionOf(leader).allowWrites();
    await sessionOf(leader).open();
    const client = await applicationClient(leader, { ssl: { rejectUnauthorized: false } });
    await client.query('CREATE TABLE t (n int)');
    await client.query('INSERT INTO t VALUES (1)');
    await client.end();
    const doneMs = performance.now();
    t.diagnostic(
      `marker after ${Math.round(markedMs - startedMs)} ms, application after ${Math.round(doneMs - startedMs)} ms`,
    );
    for (const instance of group.instances) {
      const memory = memoryOf(instance.server!.pid!);
      t.diagnostic(
        `${instance.member.name}: PSS ${memory.pssMb} MiB, RSS of all processes ${memory.rssMb} MiB`,
      );
    }
    const seen = await sessionOf(leader).observe(leader.assignment);
    assert.equal(seen.role, 'primary');
    assert.equal(seen.writable, true);
    assert.equal(seen.open, true);
    assert.deepEqual(seen.followers, ['first-2', 'first-3']);
  });

  it('lets no client in while it is gated, and no superuser over TCP ever', async () => {
    const group = await createdGroup('gated', 0, 0);
    const leader = group.at(0);
    const session = sessionOf(leader);
    await session.provisionApplication();
    await assert.rejects(applicationClient(leader), /no pg_hba.conf entry/);
    await session.allowWrites();
    await session.open();
    const client = await applicationClient(leader);
    await client.query('CREATE TABLE t (n int)');
    await assert.rejects(
      applicationClient(leader, { user: 'mooring', database: 'postgres' }),
      /no pg_hba.conf entry/,
    );
    await assert.rejects(applicationClient(leader, { password: 'wrong' }), /password authentication failed/);
    const elsewhere = await applicationClient(leader, { database: 'postgres' });
    await assert.rejects(elsewhere.query('SELECT * FROM mooring.marker'), /permission denied/);
    await elsewhere.end();
    await session.close();
    await assert.rejects(client.query('SELECT 1'));
    await assert.rejects(applicationClient(leader), /no pg_hba.conf entry/);
  });

  it('holds a commit until k standbys have it, and never tells a cut-off client OK', async () => {
    const group = await serving('quorum', 2, 1);
    const leader = group.at(0);
    const client = await applicationClient(leader);
    await client.query('CREATE TABLE t (n int)');
    await Promise.all([kill(group.at(1)), kill(group.at(2))]);
    let outcome: string | undefined;
    const waiting = client.query('INSERT INTO t VALUES (1)').then(
      () => (outcome = 'acknowledged'),
      () => (outcome = 'lost'),
    );
    await assert.rejects(sessionOf(leader).heartbeat(AbortSignal.timeout(300)), { name: 'TimeoutError' });
    assert.equal(outcome, undefined);
    await sessionOf(leader).close();
    await waiting;
    assert.equal(outcome, 'lost');
    await start(group.at(1));
    assert.ok((await sessionOf(leader).heartbeat(AbortSignal.timeout(5000))) > 0);
  });

  it('keeps a killed primary gated until the quorum has acknowledged again', async () => {
    const group = await serving('restart', 1, 1);
    const [leader, standby] = [group.at(0), group.at(1)];
    const client = await applicationClient(leader);
    await client.query('CREATE TABLE t (n int)');
    await kill(standby);
    client.query('INSERT INTO t VALUES (1)').catch(() => {});
    await assert.rejects(sessionOf(leader).heartbeat(AbortSignal.timeout(200)), { name: 'TimeoutError' });
    await kill(leader);
    const session = await start(leader);
    await session.enforceRule(leader.assignment.rule, leader.assignment.members);
    await assert.rejects(session.prove(leader.assignment.rule, AbortSignal.timeout(300)), {
      name: 'TimeoutError',
    });
    await assert.rejects(applicationClient(leader), /no pg_hba.conf entry/);
    assert.equal((await session.observe(leader.assignment)).writable, false);
    await start(standby);
    await session.prove(leader.assignment.rule, AbortSignal.timeout(10_000));
    await session.allowWrites();
    await session.open();
    const again = await applicationClient(leader);
    assert.equal((await again.query('SELECT count(*)::int AS n FROM t')).rows[0].n, 1);
    await again.end();
  });

  it('gives two groups from one template identifiers of their own', async () => {
    const [one, two] = await Promise.all([createdGroup('one', 1, 1), createdGroup('two', 0, 0)]);
    const identifier = (data: string) =>
      /system identifier:\s+(\d+)/.exec(
        execFileSync(join(pack.binDir, 'pg_controldata'), [data], {
          env: { LC_ALL: 'C', PATH: process.env.PATH },
        }).toString(),
      )?.[1];
    for (const instance of [...one.instances, ...two.instances]) {
      assert.equal(identifier(instance.context.files.data), instance.context.identity.systemId);
    }
    const stranger = two.at(0);
    const standby = one.at(1);
    await sessionOf(standby).stopReceiver();
    await assert.rejects(
      sessionOf(standby).follow(stranger.member, standby.assignment.rule),
      /authentication failed/,
    );
    standby.context.secrets.replicationPassword = stranger.context.secrets.replicationPassword;
    await assert.rejects(
      sessionOf(standby).follow(stranger.member, standby.assignment.rule),
      /another group/,
    );
    standby.context.identity.systemId = '42';
    await kill(standby);
    await assert.rejects(start(standby), /belongs to another group/);
  });

  it('stops the receiver provably while replay is blocked, stays fenced over a restart, and follows again', async () => {
    const group = await serving('fence', 2, 1);
    const [leader, standby] = [group.at(0), group.at(1)];
    const client = await applicationClient(leader);
    await client.query('CREATE TABLE t (n int)');
    const reader = await until(
      'the table on the standby',
      async () => {
        const each = await applicationClient(standby);
        const there = await each.query(`SELECT to_regclass('t') IS NOT NULL AS there`);
        if (there.rows[0].there === true) return each;
        await each.end();
      },
      { deadlineMs: 5000 },
    );
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await reader.query('SELECT * FROM t');
    await client.query('DROP TABLE t');
    await client.query('CREATE TABLE u (n int)');
    const startedMs = performance.now();
    const position = await sessionOf(standby).stopReceiver();
    assert.ok(performance.now() - startedMs < 1000);
    assert.equal(position.kind, 'lsn');
    await client.query('INSERT INTO u VALUES (1)');
    const seen = await sessionOf(standby).observe(standby.assignment);
    assert.equal(seen.receiver?.state, 'stopped');
    assert.deepEqual((await sessionOf(leader).observe(leader.assignment)).followers, ['fence-3']);
    await reader.end();

    await kill(standby, 'SIGINT');
    const session = await start(standby);
    assert.equal((await session.observe(standby.assignment)).receiver?.state, 'stopped');
    await session.follow(leader.member, standby.assignment.rule);
    await session.follow(leader.member, standby.assignment.rule);
    await until(
      'it to stream again',
      async () => (await session.observe(standby.assignment)).receiver?.state === 'streaming',
      { deadlineMs: 5000 },
    );
    await client.end();
  });

  it('refuses to follow a member that it is ahead of', async () => {
    const group = await serving('ahead', 1, 1);
    const [leader, standby] = [group.at(0), group.at(1)];
    await sessionOf(standby).stopReceiver();
    await kill(leader, 'SIGINT');
    leader.assignment = { ...leader.assignment, role: 'standby' };
    await start(leader);
    await assert.rejects(
      sessionOf(leader).follow(standby.member, standby.assignment.rule),
      /ahead of its source/,
    );
  });

  it('refuses writes of sessions that are open, without waiting for anybody', async () => {
    const group = await serving('full', 1, 1);
    const leader = group.at(0);
    const client = await applicationClient(leader);
    await client.query('CREATE TABLE t (n int)');
    await kill(group.at(1));
    await sessionOf(leader).refuseWrites();
    await assert.rejects(client.query('INSERT INTO t VALUES (1)'), /read-only transaction/);
    await sessionOf(leader).allowWrites();
    await start(group.at(1));
    await client.query('INSERT INTO t VALUES (1)');
    await client.end();
  });

  it('does every step again without a change', async () => {
    const group = await serving('again', 1, 1);
    const leader = group.at(0);
    const before = await sessionOf(leader).observe(leader.assignment);
    for (const instance of group.instances) {
      await sessionOf(instance).provisionPlatform(instance.assignment);
      await sessionOf(instance).open();
    }
    await Promise.all([sessionOf(leader).provisionApplication(), sessionOf(leader).provisionApplication()]);
    await sessionOf(leader).allowWrites();
    const after = await sessionOf(leader).observe(leader.assignment);
    assert.deepEqual(after.position, before.position);
    await lead(leader);
    assert.notDeepEqual((await sessionOf(leader).observe(leader.assignment)).position, before.position);
  });

  it('refuses to prove a term that a newer one has followed', async () => {
    const group = await createdGroup('terms', 0, 0);
    const leader = group.at(0);
    const { rule, members } = leader.assignment;
    const session = sessionOf(leader);
    await session.enforceRule({ ...rule, term: 5 }, members);
    await session.prove({ ...rule, term: 5 }, AbortSignal.timeout(5000));
    await session.enforceRule(rule, members);
    await assert.rejects(session.prove(rule, AbortSignal.timeout(5000)), /Term 1 is over/);
  });

  it('does not take a cancelled wait for an acknowledgement', async () => {
    const group = await createdGroup('cancel', 1, 1);
    const leader = group.at(0);
    await kill(group.at(1));
    const proof = sessionOf(leader).prove(leader.assignment.rule, AbortSignal.timeout(10_000));
    proof.catch(() => {});
    const other = await connectLocally(leader.context);
    await until(
      'the write to wait and be cancelled',
      async () => {
        const cancelled = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`;
        return (await other.query(cancelled)).rows.length > 0;
      },
      { deadlineMs: 5000 },
    );
    await assert.rejects(proof, /not acknowledged: canceling wait/);
    other.end();
  });

  it('tells nobody OK when the rule stops asking for acknowledgements', async () => {
    const group = await serving('shrink', 1, 1);
    const leader = group.at(0);
    const { rule, members } = leader.assignment;
    const client = await applicationClient(leader);
    await client.query('CREATE TABLE t (n int)');
    await kill(group.at(1));
    const outcome = client.query('INSERT INTO t VALUES (1)').then(
      () => 'acknowledged',
      () => 'lost',
    );
    const other = await connectLocally(leader.context);
    const waiting = `SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'`;
    await until('the commit to wait', async () => (await other.query(waiting)).rows.length > 0, {
      deadlineMs: 5000,
    });
    await sessionOf(leader).enforceRule({ ...rule, term: 2, ackers: [], k: 0 }, members);
    assert.equal(await outcome, 'lost');
    await sessionOf(leader).prove({ ...rule, term: 2, ackers: [], k: 0 }, AbortSignal.timeout(5000));
    await sessionOf(leader).enforceRule({ ...rule, term: 3 }, members);
    const alone = sessionOf(leader).prove({ ...rule, term: 3 }, AbortSignal.timeout(300));
    await assert.rejects(alone, { name: 'TimeoutError' });
    other.end();
  });

  it('asks for two acknowledgements in a 1+3 group', async () => {
    const group = await createdGroup('four', 3, 2);
    const leader = group.at(0);
    const beat = () => sessionOf(leader).heartbeat(AbortSignal.timeout(500));
    await kill(group.at(1));
    assert.ok((await beat()) > 0);
    await kill(group.at(2));
    await assert.rejects(beat(), { name: 'TimeoutError' });
  });

  it('closes the gate also for a client that was accepted before and authenticates afterwards', async () => {
    const group = await serving('slow', 0, 0);
    const leader = group.at(0);
    const silent = connect({ host: leader.member.host, port: leader.member.port });
    const ended = once(silent, 'close');
    silent.on('error', () => {});
    await once(silent, 'connect');
    await sessionOf(leader).close();
    // Long before authentication_timeout would do it.
    assert.equal(
      await Promise.race([ended.then(() => 'ended'), delay(3000, 'open', { ref: false })]),
      'ended',
    );
  });

  it('quiesces and stops cleanly with clients connected', async () => {
    const group = await serving('stop', 1, 1);
    const leader = group.at(0);
    const client = await applicationClient(leader);
    assert.equal(await sessionOf(leader).quiesce(2000), 'quiet');
    await assert.rejects(client.query('SELECT 1'));
    await kill(leader, 'SIGINT');
  });
});
