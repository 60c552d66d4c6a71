import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { cliToken, type Person, type TestApi, testApi } from '../../test/support/api.ts';
import type { InstanceStatus } from '../domain/status.ts';
import { feedToken } from '../lib/feed-token.ts';
import { until } from '../lib/wait.ts';
import { notify } from '../store/changes.ts';
import { insertGroup } from '../store/groups.ts';
import { insertInstances } from '../store/instances.ts';
import { putStatus } from '../store/statuses.ts';
import { createClient } from './contract/client.ts';
import type { Change } from './contract/schemas.ts';

const soon = { deadlineMs: 10_000 };

describe('over real HTTP', () => {
  let api: TestApi;
  let baseUrl: string;
  let port: number;
  let owner: Person;
  let stranger: Person;
  let clusterId: string;
  before(async () => {
    api = await testApi({ limits: { streamBufferBytes: 64 * 1024, heartbeatMs: 100 } });
    baseUrl = await api.app.listen({ host: '127.0.0.1', port: 0 });
    port = Number(new URL(baseUrl).port);
    owner = await api.addPerson('olga', { ours: 'owner' });
    stranger = await api.addPerson('stan', { theirs: 'owner' });
    const made = await api.as(owner, 'POST', '/api/v1/clusters', { engine: 'postgres', name: 'orders' });
    clusterId = made.body.cluster.id;
  });
  after(() => api[Symbol.asyncDispose]());

  const clientOf = (person: Person) =>
    createClient({
      baseUrl,
      csrfToken: () => person.csrf,
      fetch: (url, init) =>
        fetch(url, { ...init, headers: { ...init?.headers, cookie: `mooring_session=${person.cookie}` } }),
    });

  /** Follows a stream in the background; what has come so far is in `seen`. */
  const follow = <T>(stream: AsyncGenerator<T>) => {
    const seen: T[] = [];
    const ended = (async () => {
      for await (const one of stream) seen.push(one);
    })().catch(() => {});
    return { seen, ended };
  };

  test('a body of 100 MB is refused with 413 before it is read, and memory stays where it was', async () => {
    const before = process.memoryUsage().rss;
    const status = await new Promise<number>((resolve, reject) => {
      const sent = request(
        {
          host: '127.0.0.1',
          port,
          method: 'POST',
          path: '/api/v1/teams',
          headers: {
            authorization: `Bearer ${cliToken}`,
            'content-type': 'application/json',
            'content-length': 100 * 1024 * 1024,
          },
        },
        (response) => {
          resolve(response.statusCode ?? 0);
          response.resume();
          sent.destroy();
        },
      );
      sent.on('error', reject);
      sent.write(Buffer.alloc(64 * 1024, 'x'));
    });
    assert.equal(status, 413);
    assert.ok(process.memoryUsage().rss - before < 50 * 1024 * 1024);
  });

  test('a body without a length is cut off at the limit', async () => {
    const socket = connect(port, '127.0.0.1');
    const chunk = Buffer.from(`10000\r\n${' '.repeat(0x10000)}\r\n`);
    let sentBytes = 0;
    let text = '';
    socket.on('data', (data) => {
      text += data;
    });
    socket.on('error', () => {});
    socket.write(
      `POST /api/v1/teams HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${cliToken}\r\n` +
        'content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
    );
    const pump = () => {
      while (text === '' && !socket.destroyed && sentBytes < 100 * 1024 * 1024) {
        sentBytes += chunk.length;
        if (!socket.write(chunk)) return void socket.once('drain', pump);
      }
    };
    pump();
    await until('the answer', () => text.includes('too_large'), soon);
    socket.destroy();
    assert.match(text, /^HTTP\/1\.1 413 /);
    assert.ok(sentBytes < 100 * 1024 * 1024);
  });

  test('a client that insists on sending all of 100 MB reads the answer, and nobody keeps the bytes', async () => {
    // Another process, so that this one's memory is the server's.
    const client = `
      const response = await fetch('${baseUrl}/api/v1/teams', {
        method: 'POST',
        headers: { authorization: 'Bearer ${cliToken}', 'content-type': 'application/json' },
        body: Buffer.alloc(100 * 1024 * 1024, ' '),
      });
      console.log(response.status, (await response.json()).kind);`;
    const before = process.memoryUsage().rss;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', client]);
    assert.equal(stdout.trim(), '413 too_large');
    assert.ok(process.memoryUsage().rss - before < 60 * 1024 * 1024);
  });

  test('what is not HTTP gets a problem and a closed connection', async () => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (data) => {
      text += data;
    });
    socket.end('this is not http\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    assert.match(text, /^HTTP\/1\.1 400 /);
    assert.match(text, /"kind":"invalid"/);
  });

  test('the typed client throws what the server means', async () => {
    const client = clientOf(owner);
    assert.equal((await client.call('me')).user, 'olga');
    await assert.rejects(client.call('getCluster', { params: { name: 'nope' } }), {
      kind: 'not_found',
      hint: 'See all with: moor list',
    });
    assert.equal(
      await client.call('cancelOperation', { params: { id: randomUUID() } }).catch((e) => e.kind),
      'not_found',
    );
  });

  test('changes reach those who may see the cluster, and nobody else', async () => {
    const stop = new AbortController();
    const ours = follow(clientOf(owner).stream('changes', { signal: stop.signal }));
    const theirs = follow(clientOf(stranger).stream('changes', { signal: stop.signal }));
    await until(
      'both to be told of a change',
      async () => {
        await notify(api.store.db, { kind: 'cluster', name: 'orders' });
        await api.as(stranger, 'POST', '/api/v1/clusters', { engine: 'mysql', name: 'theirs' });
        await notify(api.store.db, { kind: 'cluster', name: 'theirs' });
        return ours.seen.length > 0 && theirs.seen.length > 0;
      },
      soon,
    );
    const names = (seen: Change[]) => new Set(seen.map((one) => ('name' in one ? one.name : one.cluster)));
    assert.deepEqual(names(ours.seen), new Set(['orders']));
    assert.deepEqual(names(theirs.seen), new Set(['theirs']));
    stop.abort();
    await Promise.all([ours.ended, theirs.ended]);
  });

  test('a stream ends when its session does', async () => {
    const leaver = await api.addPerson('lea', { ours: 'viewer' });
    const stop = new AbortController();
    const stream = follow(clientOf(leaver).stream('changes', { signal: stop.signal }));
    await until(
      'the stream to be open',
      async () => {
        await notify(api.store.db, { kind: 'event', cluster: 'orders' });
        return stream.seen.length > 0;
      },
      soon,
    );
    await api.as(leaver, 'DELETE', '/api/v1/session');
    await stream.ended;
  });

  test('a client that never reads is disconnected, and others still hear everything', async () => {
    const deaf: Socket = connect(port, '127.0.0.1');
    deaf.pause();
    let gone = false;
    deaf.on('error', () => {
      gone = true;
    });
    deaf.on('close', () => {
      gone = true;
    });
    deaf.write(`GET /api/v1/changes HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${cliToken}\r\n\r\n`);
    const stop = new AbortController();
    const reader = follow(clientOf(owner).stream('changes', { signal: stop.signal }));
    // The kernel buffers some megabytes for the deaf one; each message is as long as a notification can be.
    const filler = 'x'.repeat(7_500);
    const sockets = () =>
      new Promise<number>((resolve, reject) =>
        api.app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      );
    await until('the server to have both', async () => (await sockets()) >= 2, soon);
    const connected = await sockets();
    let n = 0;
    await until(
      'the server to hang up',
      async () => {
        await Promise.all(
          Array.from({ length: 200 }, () =>
            notify(api.store.db, { kind: 'operation', id: `${++n}-${filler}`, cluster: 'orders' }),
          ),
        );
        return (await sockets()) < connected || gone;
      },
      { deadlineMs: 30_000 },
    );
    await notify(api.store.db, { kind: 'event', cluster: 'orders' });
    await until('the other client to hear the last one', () => reader.seen.at(-1)?.kind === 'event', soon);
    stop.abort();
    deaf.destroy();
    await reader.ended;
  });

  test('a forwarder hears the topology at once and at each change, with its own token only', async () => {
    const groupId = randomUUID();
    const instanceId = randomUUID();
    const rule = { term: 1, leader: instanceId, cohort: [instanceId], ackers: [], k: 0 };
    await insertGroup(api.store.db, {
      id: groupId,
      cluster_id: clusterId,
      term: 1,
      rule: JSON.stringify(rule),
      marker_uuid: randomUUID(),
      system_id: '1',
    });
    await insertInstances(api.store.db, [
      {
        id: instanceId,
        group_id: groupId,
        cluster_id: clusterId,
        name: 'orders-1',
        ordinal: 1,
        host_id: 'a1',
        zone: 'a',
        region: 'local',
        host: '127.20.1.1',
        port: 21_000,
        agent_port: 21_001,
        memory_mb: 512,
        disk_gb: 10,
      },
    ]);
    const wrong = createClient({ baseUrl, token: () => feedToken(api.context.platformKey, randomUUID()) });
    const stop = new AbortController();
    const refused = wrong.stream('topology', { params: { id: clusterId }, signal: stop.signal });
    await assert.rejects(refused.next(), { kind: 'unauthenticated' });

    const client = createClient({ baseUrl, token: () => feedToken(api.context.platformKey, clusterId) });
    const feed = follow(client.stream('topology', { params: { id: clusterId }, signal: stop.signal }));
    await until('the first state', () => feed.seen.length === 1, soon);
    assert.equal(feed.seen[0]?.leader, null);
    await putStatus(api.store.db, openPrimary(clusterId, instanceId), new Date());
    await until('the leader to be named', () => feed.seen.length === 2, soon);
    assert.deepEqual(feed.seen[1]?.leader, { name: 'orders-1', host: '127.20.1.1', port: 21_000 });

    const seen = await api.as(owner, 'GET', '/api/v1/clusters/orders');
    assert.equal(seen.body.instances[0].state, 'open');
    assert.deepEqual(seen.body.rule, { term: 1, leader: 'orders-1', k: 0 });
    stop.abort();
    await feed.ended;
  });

  test('closing the API ends open streams instead of waiting for them', async () => {
    const other = await testApi();
    const url = await other.app.listen({ host: '127.0.0.1', port: 0 });
    const client = createClient({ baseUrl: url, token: () => cliToken });
    const stop = new AbortController();
    const stream = follow(client.stream('changes', { signal: stop.signal }));
    await until(
      'the stream to be open',
      async () => {
        await notify(other.store.db, { kind: 'cluster', name: 'any' });
        return stream.seen.length > 0;
      },
      soon,
    );
    await other[Symbol.asyncDispose]();
    await stream.ended;
  });
});

function openPrimary(clusterId: string, instanceId: string): InstanceStatus {
  return {
    clusterId,
    instanceId,
    agentBootId: randomUUID(),
    sequence: 1,
    at: Date.now(),
    phase: 'open',
    why: 'serves',
    promisedTerm: 1,
    generation: 1,
    convergedGeneration: 1,
    restartsDone: 0,
    server: {
      pid: 1,
      startedAt: 1,
      unplannedRestarts: 0,
      lastExit: null,
      nextStartAt: null,
      version: '17.11',
      residentBytes: 1,
    },
    database: {
      role: 'primary',
      writable: true,
      open: true,
      position: { kind: 'lsn', timeline: 1, received: '0/1', replayed: '0/1' },
      receiver: null,
      lagMs: null,
      followers: [],
      connections: 1,
    },
    quorumProbe: null,
    fsync: { lastMs: 1, pendingMs: 0 },
    volume: { usedBytes: 1, sizeBytes: 2, freeBytes: 1, full: false },
  };
}
