/** The driver against real servers, wired by hand: what must hold for one server and for a group. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Group, openWorkshop, type Workshop } from '../../../test/support/mysql-group.ts';
import { testPack } from '../../../test/support/packs.ts';
import { PlatformError } from '../../lib/errors.ts';
import { until } from '../../lib/wait.ts';
import { isSubset, parseGtidSet } from './gtid.ts';

const pack = testPack('mysql');
let workshop: Workshop;

before(async () => {
  workshop = await openWorkshop(pack);
});
after(async () => {
  await workshop?.[Symbol.asyncDispose]();
});

async function created(members: number, k: number, options = {}): Promise<Group> {
  const group = await workshop.group(members, k, options);
  await group.create();
  return group;
}

function kindOf(kind: string, pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof PlatformError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.publicMessage, pattern);
    return true;
  };
}

/** Resolves to 'waits' when nothing has come of it in this time; only for things that must not happen. */
async function outcome(work: Promise<unknown>, ms: number): Promise<'done' | 'failed' | 'waits'> {
  let timer: NodeJS.Timeout | undefined;
  const waits = new Promise<'waits'>((resolve) => {
    timer = setTimeout(() => resolve('waits'), ms);
  });
  const ended = work.then(
    () => 'done' as const,
    () => 'failed' as const,
  );
  return Promise.race([ended, waits]).finally(() => clearTimeout(timer));
}

const soon = () => AbortSignal.timeout(20_000);

test('a template holds no identity, keys or history', async () => {
  const names = await readdir(workshop.template);
  assert.deepEqual(
    names.filter((name) => /auto\.cnf|\.pem|binlog|relay/.test(name)),
    [],
  );
  assert.ok(names.includes('mooring'));
  console.log(`template built in ${Math.round(workshop.templateMs)} ms`);
});

test('a group of four opens, takes a write and every standby has it', async () => {
  const began = performance.now();
  const group = await created(4, 2);
  const ms = Math.round(performance.now() - began);
  const resident = group.instances.map((instance) => Math.round(instance.residentBytes() / 1024 / 1024));
  console.log(`1+3: template copies to open in ${ms} ms; resident MiB: ${resident.join(', ')}`);
  assert.ok(Math.max(...resident) < 300, 'a small server stays near 250 MB');

  const client = await group.leader.client();
  await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
  await client.query('INSERT INTO t VALUES (1), (2)');
  const leader = await group.leader.session.observe(group.leader.assignment);
  assert.equal(leader.role, 'primary');
  assert.equal(leader.writable, true);
  assert.equal(leader.open, true);
  assert.equal(leader.connections, 1);
  assert.deepEqual(leader.followers, ['orders-2', 'orders-3', 'orders-4']);
  client.destroy();

  for (const standby of group.standbys) {
    const seen = await until(
      'the standby to apply everything',
      async () => {
        const now = await standby.session.observe(standby.assignment);
        assert.ok(now.position.kind === 'gtid' && leader.position.kind === 'gtid');
        const { executed } = leader.position;
        return isSubset(parseGtidSet(executed), parseGtidSet(now.position.executed)) && now;
      },
      { deadlineMs: 10_000 },
    );
    assert.equal(seen.role, 'standby');
    assert.equal(seen.writable, false);
    assert.deepEqual(seen.receiver, { state: 'streaming', source: 'orders-1', error: null });
    assert.equal(seen.lagMs, 0);
    const reader = await standby.client();
    const [rows] = await reader.query('SELECT id FROM t ORDER BY id');
    assert.deepEqual(rows, [{ id: 1 }, { id: 2 }]);
    await assert.rejects(reader.query('INSERT INTO t VALUES (3)'), /read-only/);
    assert.deepEqual(await standby.admin('SELECT @@GLOBAL.super_read_only AS gated'), [{ gated: 1 }]);
    reader.destroy();
  }
  assert.ok((await group.leader.session.heartbeat(soon())) < 5000);
  await group.kill();
});

test('a server in a deep directory is reached all the same', async () => {
  const group = await created(1, 0, { deep: true });
  assert.ok(group.leader.context.files.home.length > 120);
  await group.kill();
});

test('a gated server lets in nobody but Mooring', async () => {
  const group = await created(1, 0);
  await group.leader.kill();
  await group.leader.boot();
  await assert.rejects(group.leader.client(), /offline mode/);
  const seen = await group.leader.session.observe(group.leader.assignment);
  assert.equal(seen.open, false);
  assert.equal(seen.writable, false);
  // Provision, and everything else, is right to do again.
  await group.leader.lead();
  await group.leader.lead();
  const plain = await group.leader.client('application', false);
  await plain.query('SELECT 1');
  plain.destroy();
  await group.kill();
});

test('the application has its own database and nothing more', async () => {
  const group = await created(1, 0);
  const client = await group.leader.client();
  await client.query('CREATE TABLE orders_db.t (id INT PRIMARY KEY)');
  await assert.rejects(client.query('CREATE DATABASE other'), /denied/);
  await assert.rejects(client.query('SELECT * FROM mysql.user'), /denied/);
  await assert.rejects(client.query('DELETE FROM mooring.heartbeat'), /denied/);
  await assert.rejects(client.query('SET GLOBAL rpl_semi_sync_source_enabled = OFF'), /denied/);
  client.destroy();
  await group.kill();
});

test('an instance killed before its accounts had passwords is provisioned by its next boot', async () => {
  const group = await workshop.group(1, 0);
  const { leader } = group;
  await leader.copyTemplate();
  await leader.boot({ provision: false });
  await leader.endSession();
  await leader.kill();
  await leader.boot({ provision: false });
  const provision = leader.session.provisionPlatform(leader.assignment);
  leader.signal('SIGKILL');
  await provision.catch(() => {});
  await leader.kill();
  await leader.boot();
  await leader.reconnect();
  await leader.session.provisionPlatform(leader.assignment);
  const [row] = await leader.admin(
    'SELECT @@GLOBAL.gtid_executed AS executed, @@GLOBAL.super_read_only AS gated',
  );
  assert.deepEqual(row, { executed: '', gated: 1 });
  await leader.lead();
  await group.kill();
});

test('a commit is not acknowledged by fewer than k standbys', async () => {
  const group = await created(3, 2);
  const client = await group.leader.client();
  await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
  await group.standbys[0]!.kill();
  const insert = client.query('INSERT INTO t VALUES (1)');
  assert.equal(await outcome(insert, 700), 'waits');
  const heartbeat = group.leader.session.heartbeat(AbortSignal.timeout(300));
  await assert.rejects(heartbeat, { name: 'TimeoutError' });

  // Orders that would wait behind the commit do not hang.
  const began = performance.now();
  await assert.rejects(group.leader.session.refuseWrites(), kindOf('timeout', /Writes cannot be refused/));
  assert.ok(performance.now() - began < 2000);
  const seen = await group.leader.session.observe(group.leader.assignment);
  assert.equal(seen.writable, true);
  assert.deepEqual(seen.followers, ['orders-3']);

  // The standby comes back and the commit is acknowledged.
  await group.standbys[0]!.boot();
  await group.standbys[0]!.session.follow(group.members[0]!, group.rule);
  assert.equal(await outcome(insert, 10_000), 'done');
  await group.leader.session.refuseWrites();
  await assert.rejects(client.query('INSERT INTO t VALUES (2)'), /read-only/);
  await group.leader.session.heartbeat(soon());
  await group.leader.session.allowWrites();
  await client.query('INSERT INTO t VALUES (2)');
  client.destroy();
  await group.kill();
});

test('a standby that holds a commit which still waits for it may follow again', async () => {
  const group = await created(3, 2);
  const [one, two] = group.standbys;
  const client = await group.leader.client();
  await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
  await two!.kill();
  const insert = client.query('INSERT INTO t VALUES (1)');
  assert.equal(await outcome(insert, 300), 'waits');
  // orders-2 has received it and acknowledged; its server dies and comes back before the quorum is there.
  await one!.kill();
  await one!.boot();
  await one!.session.follow(group.members[0]!, group.rule);
  assert.equal(await outcome(insert, 300), 'waits');
  await two!.boot();
  await two!.session.follow(group.members[0]!, group.rule);
  assert.equal(await outcome(insert, 10_000), 'done');
  client.destroy();
  await group.kill();
});

test('quiesce says that commits wait, and that they do not', async () => {
  const group = await created(2, 1);
  const client = await group.leader.client();
  await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
  await group.standbys[0]!.kill();
  const insert = client.query('INSERT INTO t VALUES (1)');
  assert.equal(await outcome(insert, 200), 'waits');
  assert.equal(await group.leader.session.quiesce(500), 'waiting');
  assert.equal(await outcome(insert, 1000), 'failed', 'the client is cut off without an OK');

  await group.standbys[0]!.boot();
  await group.standbys[0]!.session.follow(group.members[0]!, group.rule);
  assert.equal(await group.leader.session.quiesce(10_000), 'quiet');
  assert.equal(await group.standbys[0]!.session.quiesce(10_000), 'quiet');
  for (const instance of group.instances) {
    await instance.endSession();
    const began = performance.now();
    await instance.kill('SIGTERM');
    console.log(`clean stop in ${Math.round(performance.now() - began)} ms`);
  }
});

test('a term is proven by its marker once, and by a heartbeat afterwards', async () => {
  const group = await created(3, 2);
  const { leader } = group;
  const executed = async () => String((await leader.admin('SELECT @@GLOBAL.gtid_executed AS g'))[0]?.g);
  const marker = parseGtidSet(`${leader.context.identity.markerUuid}:1`);
  assert.ok(isSubset(marker, parseGtidSet(await executed())));
  const before = await executed();
  await leader.session.prove(group.rule, soon());
  assert.notEqual(await executed(), before);

  // The marker is there already, but one standby is not enough: a skipped marker would return at once.
  await group.standbys[1]!.kill();
  await leader.kill();
  await leader.boot();
  await leader.session.enforceRule(group.rule, group.members);
  await assert.rejects(leader.session.prove(group.rule, AbortSignal.timeout(500)), { name: 'TimeoutError' });
  await assert.rejects(leader.client(), /offline mode/);
  const proof = leader.session.prove(group.rule, soon());
  await group.standbys[1]!.boot();
  await group.standbys[1]!.session.follow(group.members[0]!, group.rule);
  await proof;
  const [row] = await leader.admin('SELECT @@GLOBAL.read_only AS readOnly, @@GLOBAL.offline_mode AS offline');
  assert.deepEqual(row, { readOnly: 1, offline: 1 });

  // A new term has a marker of its own; an agent that gave up and came back joins it.
  group.term = 2;
  await leader.session.prove(group.rule, soon());
  assert.ok(
    isSubset(parseGtidSet(`${leader.context.identity.markerUuid}:1-2`), parseGtidSet(await executed())),
  );
  await group.kill();
});

test('a marker that waits survives the agent that wrote it', async () => {
  const group = await created(2, 1);
  const { leader } = group;
  await group.standbys[0]!.kill();
  group.term = 7;
  await assert.rejects(leader.session.prove(group.rule, AbortSignal.timeout(200)), { name: 'TimeoutError' });
  await leader.reconnect();
  await assert.rejects(leader.session.prove(group.rule, AbortSignal.timeout(200)), { name: 'TimeoutError' });
  const proof = leader.session.prove(group.rule, soon());
  await group.standbys[0]!.boot();
  await group.standbys[0]!.session.follow(group.members[0]!, group.rule);
  await proof;
  await group.kill();
});

test('a proof is refused when the server did not wait for a quorum', async () => {
  const group = await created(2, 1);
  await group.leader.admin('SET GLOBAL rpl_semi_sync_source_enabled = OFF');
  await assert.rejects(
    group.leader.session.prove(group.rule, soon()),
    kindOf('conflict', /did not wait for 1/),
  );
  await group.kill();
});

test('following twice changes nothing, and stopping to receive is proven', async () => {
  const group = await created(2, 1);
  const [standby] = group.standbys;
  const threads = async () =>
    (await standby!.admin('SHOW PROCESSLIST'))
      .filter((row) => row.User === 'system user')
      .map((row) => row.Id);
  const before = await threads();
  await standby!.session.follow(group.members[0]!, group.rule);
  assert.deepEqual(await threads(), before);

  const position = await standby!.session.stopReceiver();
  assert.ok(
    position.kind === 'gtid' && isSubset(parseGtidSet(position.executed), parseGtidSet(position.received)),
  );
  const seen = await standby!.session.observe(standby!.assignment);
  assert.equal(seen.receiver?.state, 'stopped');
  await standby!.session.stopReceiver();
  await standby!.session.follow(group.members[0]!, group.rule);
  await until(
    'the standby to stream again',
    async () => (await standby!.session.observe(standby!.assignment)).receiver?.state === 'streaming',
    { deadlineMs: 10_000 },
  );
  await group.kill();
});

test('a standby follows another source without losing what it received', async () => {
  const group = await created(3, 1);
  const [one, two] = group.standbys;
  const client = await group.leader.client();
  await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
  // orders-3 received a row that its applier cannot apply yet; orders-2 has it.
  await until('the table', async () => (await two!.admin('SHOW TABLES FROM orders_db')).length === 1, {
    deadlineMs: 10_000,
  });
  const blocker = await two!.client('admin');
  await blocker.query('LOCK TABLES orders_db.t READ');
  await client.query('INSERT INTO t VALUES (1)');
  await until(
    'the row to be in both standbys',
    async () => {
      const { position } = await two!.session.observe(two!.assignment);
      return position.kind === 'gtid' && position.executed !== position.received;
    },
    { deadlineMs: 10_000 },
  );
  await one!.session.stopReceiver();
  await two!.session.stopReceiver();
  const follow = two!.session.follow(group.members[1]!, group.rule);
  await blocker.query('UNLOCK TABLES');
  blocker.destroy();
  await follow;
  const [row] = await two!.admin('SELECT COUNT(*) AS n FROM orders_db.t');
  assert.equal(row?.n, 1);
  const seen = await two!.session.observe(two!.assignment);
  assert.equal(seen.receiver?.source, 'orders-2');
  client.destroy();
  await group.kill();
});

test('a standby with transactions of its own is refused, and they are named', async () => {
  const group = await created(2, 1);
  const [standby] = group.standbys;
  await standby!.session.stopReceiver();
  await standby!.admin(
    'SET GLOBAL super_read_only = OFF',
    'CREATE DATABASE errant',
    'SET GLOBAL super_read_only = ON',
  );
  const { instanceId } = standby!.context.identity;
  await assert.rejects(
    standby!.session.follow(group.members[0]!, group.rule),
    kindOf('refused', new RegExp(`orders-2 has transactions that orders-1 has not: ${instanceId}:1$`)),
  );
  assert.equal((await standby!.session.observe(standby!.assignment)).receiver?.state, 'stopped');
  await group.kill();
});

test('a killed leader comes back gated and keeps every acknowledged row', async () => {
  const group = await created(2, 1);
  const client = await group.leader.client();
  await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
  let acknowledged = 0;
  const writing = (async () => {
    for (let id = 1; ; id++) {
      await client.query(`INSERT INTO t VALUES (${id})`);
      acknowledged = id;
    }
  })().catch(() => {});
  await until('some rows', () => acknowledged > 50, { deadlineMs: 10_000 });
  await group.leader.kill();
  await writing;
  const began = performance.now();
  await group.leader.boot();
  await assert.rejects(group.leader.client(), /offline mode/);
  await group.leader.lead();
  console.log(`kill -9 to open again: ${Math.round(performance.now() - began)} ms`);
  const [row] = await group.leader.admin('SELECT MAX(id) AS n FROM orders_db.t');
  assert.ok(Number(row?.n) >= acknowledged);
  await group.kill();
});

test('a standby left in the middle of a transaction stops at once and gets it again later', async () => {
  const group = await created(2, 1);
  const [standby] = group.standbys;
  const client = await group.leader.client();
  await client.query('CREATE TABLE big (id INT PRIMARY KEY AUTO_INCREMENT, body LONGBLOB)');
  await client.query('BEGIN');
  for (let row = 0; row < 48; row++)
    await client.query("INSERT INTO big (body) VALUES (REPEAT('x', 1000000))");
  const commit = client.query('COMMIT').catch(() => {});
  const received = async () => {
    const { data } = standby!.context.files;
    const names = (await readdir(data)).filter((name) => /^relay\.\d+$/.test(name));
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(data, name))).size));
    return sizes.some((size) => size > 2_000_000);
  };
  await until('the standby to have some of it', received, { deadlineMs: 30_000, everyMs: 1, maxEveryMs: 2 });
  await group.leader.kill();
  await commit;
  const position = await standby!.session.stopReceiver();
  const began = performance.now();
  assert.equal(await standby!.session.quiesce(10_000), 'quiet');
  const ms = Math.round(performance.now() - began);
  console.log(`applier stopped in ${ms} ms, ${JSON.stringify(position).length} characters of position`);
  assert.ok(ms < 10_000);

  await group.leader.boot();
  await standby!.session.follow(group.members[0]!, group.rule);
  await group.leader.lead();
  await until(
    'the rows',
    async () => Number((await standby!.admin('SELECT COUNT(*) AS n FROM orders_db.big'))[0]?.n) === 48,
    {
      deadlineMs: 20_000,
    },
  );
  client.destroy();
  await group.kill();
});

test('larger sizes and synced acknowledgements boot without a complaint', async () => {
  const group = await created(2, 1, { size: 'medium', ack: 'disk' });
  const settings = await group.leader.admin(
    'SELECT @@sync_relay_log AS relay, @@performance_schema AS pfs, @@max_connections AS connections',
  );
  assert.deepEqual(settings, [{ relay: 1, pfs: 1, connections: 420 }]);
  console.log(`medium: ${Math.round(group.leader.residentBytes() / 1024 / 1024)} MiB resident when empty`);
  for (const instance of group.instances) {
    assert.doesNotMatch(instance.serverLog(), /unknown|deprecated|Buffered warning|\[ERROR\]/i);
  }
  await group.kill();
});

test('a server that hangs is reported, not waited for', async () => {
  const group = await created(1, 0);
  group.leader.signal('SIGSTOP');
  await assert.rejects(
    group.leader.session.observe(group.leader.assignment),
    kindOf('timeout', /did not answer within/),
  );
  await group.kill();
});

test('no secret shows in the arguments or the configuration of a server', async () => {
  const group = await created(1, 0);
  const { files, secrets } = group.leader.context;
  const argv = await readFile(`/proc/${group.leader.pid}/cmdline`, 'utf8');
  const text = argv + (await readFile(join(files.home, 'my.cnf'), 'utf8')) + group.leader.serverLog();
  for (const secret of [secrets.adminPassword, secrets.replicationPassword, secrets.application.password]) {
    assert.ok(!text.includes(secret));
  }
  await group.kill();
});

test('mysql, the ordinary client, connects with TLS', async () => {
  const group = await created(1, 0);
  const { identity, secrets, files } = group.leader.context;
  const child = spawn(
    join(pack.binDir, 'mysql'),
    [
      '-h',
      identity.host,
      '-P',
      String(identity.port),
      '-u',
      secrets.application.user,
      `--ssl-ca=${files.tls.ca}`,
      '--ssl-mode=VERIFY_CA',
      '-N',
      '-e',
      "SHOW STATUS LIKE 'Ssl_version'",
    ],
    {
      env: { PATH: '/usr/bin:/bin', MYSQL_PWD: secrets.application.password },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  for await (const chunk of child.stdout) output += chunk;
  assert.match(output, /TLSv1/);
  await group.kill();
});
