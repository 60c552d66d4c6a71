/**
 * Clients that behave badly towards what serves: some never read what they asked for, some send
 * bytes that mean nothing. Neighbours must not notice, and no process may end or grow because of it.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import mysql from 'mysql2';
import pg from 'pg';
import type { InstanceIdentity } from '../src/domain/assignment.ts';
import { until } from '../src/lib/wait.ts';
import { argumentsOf } from '../src/os/processes.ts';
import { type Address, openDatabase, query } from './support/databases.ts';
import { rawSocket } from './support/http.ts';
import { type Created, type Platform, processesOf, startPlatform } from './support/platform.ts';

describe('bad clients', () => {
  let platform: Platform;
  const clusters: Created[] = [];
  before(async () => {
    platform = await startPlatform();
    clusters.push(
      ...(await Promise.all([
        platform.create('postgres', 'pg', 'single'),
        platform.create('mysql', 'my', 'single'),
      ])),
    );
  });
  after(() => platform[Symbol.asyncDispose]());

  it('clients of the stream of changes that never read keep nobody from hearing', async () => {
    const stuck = await Promise.all(Array.from({ length: 30 }, () => stuckListener(platform)));
    const heard = new AbortController();
    const listener = (async () => {
      for await (const change of platform.api.stream('changes', { signal: heard.signal })) {
        if (change.kind === 'operation') return change.id;
      }
      return undefined;
    })();
    const restart = await platform.api.call('restartCluster', { params: { name: 'pg' }, body: {} });
    assert.equal(await listener, restart.operation.id);
    heard.abort();
    await platform.operationDone(restart.operation.id);
    await platform.untilReady('pg');
    for (const socket of stuck) socket.destroy();
  });

  for (const engine of ['postgres', 'mysql'] as const) {
    it(`a client that asks for much and never reads disturbs nobody: ${engine}`, async () => {
      const created = cluster(clusters, engine);
      const forwarder = forwarderOf(platform, clusters, engine);
      await query(created, created.endpoints.readWrite, 'create table t (id int primary key)');
      const before = residentMb(forwarder);
      const stuck = await Promise.all(
        Array.from({ length: 5 }, () => neverReads(created, created.endpoints.readWrite)),
      );
      await until(
        'the server to wait for each of them',
        async () => (await query(created, created.endpoints.readWrite, waiting[engine]))[0]?.[0] === '5',
        { deadlineMs: 20_000 },
      );

      await using database = await openDatabase(created, created.endpoints.readWrite);
      for (let id = 1; id <= 50; id++) await database.query(`insert into t values (${id})`);
      assert.deepEqual(await query(created, created.endpoints.readOnly, 'select count(*) from t'), [['50']]);
      assert(residentMb(forwarder) - before < 40, 'the forwarder holds at most a buffer per connection');
      assert.equal((await platform.cluster(created.name)).state, 'ready');

      for (const client of stuck) client.destroy();
      await until(
        'the server to have let go of the clients that left',
        async () =>
          Number((await query(created, created.endpoints.readWrite, sessions[engine]))[0]?.[0]) <= 2,
        { deadlineMs: 30_000, everyMs: 100 },
      );
    });
  }

  it('bytes that mean nothing end a connection and nothing else, on every port', async () => {
    const before = await programs(platform);
    const ports = [
      ...clusters.flatMap(({ endpoints }) => [endpoints.readWrite, endpoints.readOnly]),
      ...clusters.flatMap(({ instances }) => instances),
      ...identities(platform).map(({ host, agentPort }) => ({ host, port: agentPort })),
      { host: '127.0.0.1', port: agentsListener(platform) },
      { host: '127.0.0.1', port: Number(new URL(platform.url).port) },
    ];
    assert.equal(ports.length, 10);
    for (const address of ports) {
      for (const bytes of garbage) await sendAndLeave(address, bytes);
    }
    assert.deepEqual(await programs(platform), before, 'the same processes, and no server was started again');
    for (const created of clusters) {
      const ready = await platform.untilReady(created.name);
      assert.deepEqual(
        ready.instances.map((each) => each.unplannedRestarts),
        [0],
      );
      assert.deepEqual(await query(created, created.endpoints.readWrite, 'select 1'), [['1']]);
    }
  });

  it('agents and controller talk to nobody without a certificate of the platform', async () => {
    const ports = [
      ...identities(platform).map(({ host, agentPort }) => ({ host, port: agentPort })),
      { host: '127.0.0.1', port: agentsListener(platform) },
    ];
    for (const address of ports) {
      const said = await withoutCertificate(address);
      assert.match(
        said,
        /certificate required|CERTIFICATE_REQUIRED|ECONNRESET|closed/,
        `${address.port}: ${said}`,
      );
    }
  });
});

const garbage = [
  Buffer.alloc(0),
  randomBytes(1),
  randomBytes(100_000),
  Buffer.alloc(100_000),
  Buffer.alloc(100_000, 0xff),
  Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'),
  Buffer.from(`GET /${'a'.repeat(200_000)} HTTP/1.1\r\n\r\n`),
  // A TLS record that promises more than it has.
  Buffer.from([0x16, 0x03, 0x01, 0xff, 0xff, 0x01, 0x00]),
  // PostgreSQL: a startup packet of 2 GB, and one whose length is negative.
  Buffer.from([0x7f, 0xff, 0xff, 0xff, 0x00, 0x03, 0x00, 0x00]),
  Buffer.from([0xff, 0xff, 0xff, 0xff, 0x00, 0x03, 0x00, 0x00]),
];

async function sendAndLeave(address: Address, bytes: Buffer): Promise<void> {
  const socket = await rawSocket(address);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.resume();
  // Whoever has not hung up by itself is left.
  socket.end(bytes, () => socket.destroySoon());
  socket.setTimeout(2_000, () => socket.destroy());
  await closed;
}

/** What it hears instead of an answer. */
function withoutCertificate(address: Address): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls({ ...address, rejectUnauthorized: false }, () =>
      socket.write('GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n'),
    );
    socket.on('data', (data) => resolve(`answered: ${data.toString('latin1', 0, 100)}`));
    socket.on('error', (error) => resolve(String(error)));
    socket.on('close', () => resolve('closed'));
  });
}

async function stuckListener(platform: Platform): Promise<Socket> {
  const socket = await rawSocket({ host: '127.0.0.1', port: Number(new URL(platform.url).port) });
  socket.write(
    `GET /api/v1/changes HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${platform.cliToken}\r\n\r\n`,
  );
  await new Promise((resolve) => socket.once('data', resolve));
  return socket.pause();
}

const sessions = {
  postgres: "select count(*) from pg_stat_activity where usename = current_user and state <> 'idle'",
  mysql: "select count(*) from information_schema.processlist where command <> 'Sleep'",
};

/** Sessions that the server cannot go on with, because nobody takes what it sends. */
const waiting = {
  postgres: "select count(*) from pg_stat_activity where wait_event = 'ClientWrite'",
  mysql: "select count(*) from information_schema.processlist where state = 'Sending to client'",
};

type Stuck = { destroy(): void };

/** Asks for some hundred megabytes and stops reading. */
async function neverReads(created: Created, address: Address): Promise<Stuck> {
  const { user, password, database } = created.account;
  const login = { host: address.host, port: address.port, user, password, database };
  if (created.engine === 'postgres') {
    const client = new pg.Client({ ...login, ssl: false });
    client.on('error', () => {});
    await client.connect();
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
    client.query("select repeat('x', 1000) from generate_series(1, 500000)").catch(() => {});
    stream.once('data', () => stream.pause());
    return { destroy: () => stream.destroy() };
  }
  const connection = mysql.createConnection({ ...login, ssl: { rejectUnauthorized: false } });
  connection.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    connection.connect((error) => (error === null ? resolve() : reject(error)));
  });
  const { stream } = connection as unknown as { stream: Socket };
  connection.query(
    "select repeat('x', 1000) from information_schema.columns a, information_schema.columns b limit 500000",
    () => {},
  );
  stream.once('data', () => stream.pause());
  return { destroy: () => stream.destroy() };
}

function cluster(clusters: Created[], engine: string): Created {
  const found = clusters.find((each) => each.engine === engine);
  assert(found, `a ${engine} cluster`);
  return found;
}

function forwarderOf(platform: Platform, clusters: Created[], engine: string): number {
  const port = cluster(clusters, engine).endpoints.readWrite.port;
  const directory = join(platform.dataDirectory, 'forwarders');
  const home = readdirSync(directory).find((id) =>
    readFileSync(join(directory, id, 'forwarder.json'), 'utf8').includes(String(port)),
  );
  const found = processesOf(join(directory, home ?? 'none'))[0];
  assert(found, `the forwarder of the ${engine} cluster`);
  return found.pid;
}

function identities(platform: Platform): InstanceIdentity[] {
  const directory = join(platform.dataDirectory, 'instances');
  return readdirSync(directory)
    .filter((id) => !id.startsWith('.'))
    .map((id) => JSON.parse(readFileSync(join(directory, id, 'agent.json'), 'utf8')).identity);
}

function agentsListener(platform: Platform): number {
  return JSON.parse(readFileSync(join(platform.dataDirectory, 'platform.json'), 'utf8')).ports.agents;
}

/** Platform, agents, forwarders and servers, by process id. */
async function programs(platform: Platform): Promise<number[]> {
  const servers = await Promise.all(
    ['pg', 'my'].map(async (name) => (await platform.cluster(name)).instances.map((each) => each.pid ?? 0)),
  );
  const nodes = ['instances', 'forwarders'].flatMap((part) =>
    processesOf(join(platform.dataDirectory, part)).filter(({ pid }) =>
      argumentsOf(pid).some((argument) => /\/(agent|forwarder)\.mjs$/.test(argument)),
    ),
  );
  assert.equal(nodes.length, servers.flat().length + servers.length, 'agents and forwarders');
  return [platform.pid, ...servers.flat(), ...nodes.map(({ pid }) => pid)].sort((a, b) => a - b);
}

function residentMb(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kb) / 1024;
}
