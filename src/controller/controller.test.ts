import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { testStore } from '../../test/support/store.ts';
import type { InstanceStatus } from '../domain/status.ts';
import { silentLog } from '../lib/log.ts';
import { until } from '../lib/wait.ts';
import { submitCreate, submitDelete, submitRestart } from '../operations/submit.ts';
import { runToEnd } from '../operations/testing.ts';
import { createWorld, type World } from '../operations/testing-world.ts';
import { type Authority, openAuthority } from '../pki/authority.ts';
import type { Certificate } from '../runtimes/runtime.ts';
import { clusterById } from '../store/clusters.ts';
import { listEvents } from '../store/events.ts';
import { topologyFeedOf } from '../store/facts.ts';
import { instancesOfCluster } from '../store/instances.ts';
import { startListener } from './listener.ts';
import { createReconciler } from './reconcile.ts';
import { openStatusBook } from './statuses.ts';

async function created(world: World) {
  const { cluster, operation } = await submitCreate(world.context, {
    actor: 'ann',
    team: world.team,
    input: { engine: 'postgres', name: 'orders', topology: '1+1' },
  });
  await runToEnd(world, operation.id);
  return cluster;
}

test('statuses are stored when they change, feed the topology and become events', async () => {
  await using store = await testStore();
  const world = await createWorld(store);
  const cluster = await created(world);
  const { clock } = world.context;
  const rows = await instancesOfCluster(store.db, cluster.id);
  const [leader, standby] = rows.map((row) => world.context.statuses.fresh(row.id)!);
  {
    await using book = await openStatusBook({ store, clock, log: silentLog });
    book.accept(leader!);
    book.accept(standby!);
    await book.flushed();
    const feed = await topologyFeedOf(store.db, cluster.id);
    assert.equal(feed?.leader?.name, 'orders-1');
    assert.deepEqual(
      feed?.readers.map(({ name }) => name),
      ['orders-2'],
    );

    const heard: string[] = [];
    book.subscribe((clusterId) => heard.push(clusterId));
    const lastExit = { code: null, signal: 'SIGKILL', at: Date.now() };
    const crashed: InstanceStatus = { ...leader!, sequence: 2, phase: 'crashed', database: null };
    crashed.server = { ...leader!.server, lastExit };
    book.accept(crashed);
    book.accept(leader!);
    assert.equal(book.fresh(leader!.instanceId)?.phase, 'crashed', 'an older report changes nothing');
    assert.deepEqual(heard, [cluster.id]);
    await book.flushed();
    assert.equal((await topologyFeedOf(store.db, cluster.id))?.leader, null);
  }
  const events = await listEvents(store.db, cluster.id, { limit: 10 });
  assert.ok(events.some(({ message }) => message === 'orders-1 was killed by SIGKILL; it is started again'));
});

test('the reconciler brings back agents and forwarders, and leaves deleted clusters alone', async () => {
  await using store = await testStore();
  const world = await createWorld(store);
  const cluster = await created(world);
  await using reconciler = createReconciler(world.context);
  for (const machine of world.machines.values()) machine.agent = false;
  world.forwarders.clear();
  await reconciler.pass();
  assert.ok([...world.machines.values()].every((machine) => machine.agent));
  assert.equal(world.forwarders.size, 1);

  const request = { actor: 'ann', cluster, confirm: 'orders', purge: false };
  await runToEnd(world, (await submitDelete(world.context, request)).operation.id);
  await reconciler.pass();
  assert.ok([...world.machines.values()].every((machine) => !machine.agent));
  assert.equal(world.forwarders.size, 0);

  // Its retention passes.
  await store.db
    .updateTable('clusters')
    .set({ purge_after: new Date(0) })
    .execute();
  await reconciler.pass();
  const purge = await store.db
    .selectFrom('operations')
    .select('id')
    .where('kind', '=', 'purge')
    .executeTakeFirstOrThrow();
  await runToEnd(world, purge.id);
  assert.equal((await clusterById(store.db, cluster.id))?.lifecycle, 'purged');
  assert.equal(world.machines.size, 0);
});

test('the reconciler brings back what dies during a restart, and nothing of a cluster that is being deleted', async () => {
  await using store = await testStore();
  const world = await createWorld(store);
  const cluster = await created(world);
  const [, second] = await instancesOfCluster(store.db, cluster.id);
  await submitRestart(world.context, { actor: 'ann', cluster, instance: second!.name });
  world.machines.get(second!.id)!.agent = false;
  world.forwarders.clear();
  await using reconciler = createReconciler(world.context);
  await reconciler.pass();
  assert.equal(world.machines.get(second!.id)?.agent, true);
  assert.equal(world.forwarders.size, 1);

  // The platform comes back on another port.
  world.context.settings.feedBaseUrl = 'http://127.0.0.1:2';
  await using next = createReconciler(world.context);
  await next.pass();
  assert.match(world.forwarders.get(cluster.id)?.feedUrl ?? '', /^http:\/\/127\.0\.0\.1:2\//);

  await store.db.updateTable('operations').set({ state: 'done' }).execute();
  // A delete is asked for after the reconciler has looked and before it acts.
  world.forwarders.clear();
  const running = world.context.runtime.forwarderRunning;
  world.context.runtime.forwarderRunning = async (id) => {
    const request = { actor: 'ann', cluster, confirm: 'orders', purge: false };
    await submitDelete(world.context, request).catch(() => {});
    return running(id);
  };
  await reconciler.pass();
  assert.equal(world.forwarders.size, 0);
});

test('what is left of a purged instance is removed; what no row explains is left alone', async () => {
  await using store = await testStore();
  const world = await createWorld(store);
  const cluster = await created(world);
  const [id] = world.machines.keys();
  const left = { volume: true, agent: false, restarts: 0 };
  const request = { actor: 'ann', cluster, confirm: 'orders', purge: true };
  await runToEnd(world, (await submitDelete(world.context, request)).operation.id);
  const stranger = '00000000-0000-7000-8000-000000000000';
  world.machines.set(id!, { ...left });
  world.machines.set(stranger, { ...left });
  await using reconciler = createReconciler(world.context);
  await reconciler.pass();
  await until('the stray to go', () => !world.machines.has(id!), { deadlineMs: 5_000 });
  assert.deepEqual([...world.machines.keys()], [stranger]);
});

test('an agent may report for its own instance only, and not without a certificate', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mooring-ca-'));
  try {
    const authority: Authority = await openAuthority(directory);
    const issue = (commonName: string) => authority.issue({ commonName, addresses: ['127.0.0.1'] });
    const heard: string[] = [];
    await using listener = await startListener({
      host: '127.0.0.1',
      port: 0,
      certificate: await issue('controller'),
      log: silentLog,
      onStatus: (status) => heard.push(status.instanceId),
    });
    await using store = await testStore();
    const world = await createWorld(store);
    await created(world);
    const [one, two] = [...world.machines.keys()];
    const body = JSON.stringify(world.context.statuses.fresh(one!));
    const own = await issue(one!);
    assert.equal(await post(listener.port, own, body), 204);
    assert.equal(await post(listener.port, await issue(two!), body), 403);
    assert.equal(await post(listener.port, own, '{"half'), 400);
    assert.equal(await post(listener.port, own, '{}'), 400);
    assert.ok([413, 'refused'].includes(await post(listener.port, own, 'x'.repeat(1024 * 1024))));
    assert.equal(await post(listener.port, { ...own, certPem: '', keyPem: '' }, body), 'refused');
    assert.deepEqual(heard, [one]);
  } finally {
    await rm(directory, { recursive: true });
  }
});

function post(port: number, certificate: Certificate, body: string): Promise<number | 'refused'> {
  return new Promise((resolve) => {
    const { certPem: cert, keyPem: key, caPem: ca } = certificate;
    const tls = cert === '' ? { ca } : { cert, key, ca };
    const call = request(
      { host: '127.0.0.1', port, method: 'POST', path: '/agent/v1/status', agent: false, ...tls },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    call.on('error', () => resolve('refused'));
    call.end(body);
  });
}
