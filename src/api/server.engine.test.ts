import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Person, type TestApi, testApi } from '../../test/support/api.ts';
import { openStore } from '../store/store.ts';
import { type Route, type RouteName, routes } from './contract/routes.ts';

describe('the API', () => {
  let api: TestApi;
  let owner: Person;
  let viewer: Person;
  let stranger: Person;
  before(async () => {
    api = await testApi();
    owner = await api.addPerson('olga', { ours: 'owner' });
    viewer = await api.addPerson('vera', { ours: 'viewer' });
    stranger = await api.addPerson('stan', { theirs: 'owner' });
  });
  after(() => api[Symbol.asyncDispose]());

  const create = (person: Person, name: string, more: object = {}) =>
    api.as(person, 'POST', '/api/v1/clusters', { engine: 'postgres', name, topology: 'single', ...more });

  test('every route but the public ones turns away who is not logged in', async () => {
    for (const [name, route] of Object.entries<Route>(routes)) {
      if (route.access === 'public') continue;
      const answer = await api.send({ method: route.method, url: route.path.replace(/:\w+/g, 'x') });
      assert.equal(answer.status, 401, name);
      assert.equal(answer.body.kind, 'unauthenticated', name);
      assert.ok(answer.body.requestId && answer.body.detail, name);
    }
  });

  test('an unknown token is refused even when a valid cookie comes with it', async () => {
    const answer = await api.send({
      method: 'GET',
      url: '/api/v1/me',
      cookies: { mooring_session: owner.cookie },
      headers: { authorization: 'Bearer moor_unknown' },
    });
    assert.equal(answer.status, 401);
  });

  test("routes for administrators are closed to a team's owner and open to the host's command line", async () => {
    const closed = Object.entries<Route>(routes).filter(([, route]) => route.access === 'administrator');
    assert.ok(closed.length >= 5);
    for (const [name, route] of closed) {
      const url = route.path.replace(/:\w+/g, 'x');
      assert.equal((await api.as(owner, route.method, url)).status, 403, name);
    }
    const me = await api.local('GET', '/api/v1/me');
    assert.deepEqual(me.body, {
      user: 'local',
      administrator: true,
      mustChangePassword: false,
      teams: [],
      csrfToken: null,
    });
    assert.equal((await api.local('GET', '/api/v1/users')).status, 200);
  });

  test("a cluster is created for the caller's team, seen by it, and does not exist for others", async () => {
    const made = await create(owner, 'orders', { topology: '1+1' });
    assert.equal(made.status, 202);
    assert.equal(made.body.cluster.name, 'orders');
    assert.equal(made.body.cluster.team, 'ours');
    assert.equal(made.body.cluster.state, 'creating');
    assert.equal(made.body.operation.kind, 'create');
    assert.equal(made.body.operation.actor, 'olga');
    assert.deepEqual(made.body.cluster.account, { user: 'orders', database: 'orders' });

    assert.equal((await api.as(viewer, 'GET', '/api/v1/clusters/orders')).status, 200);
    assert.equal((await api.local('GET', '/api/v1/clusters/orders')).status, 200);
    const operation = `/api/v1/operations/${made.body.operation.id}`;
    for (const url of ['/api/v1/clusters/orders', '/api/v1/clusters/orders/events', operation]) {
      assert.equal((await api.as(stranger, 'GET', url)).status, 404, url);
      assert.equal((await api.as(owner, 'GET', url)).status, 200, url);
    }
    assert.equal((await api.as(stranger, 'POST', '/api/v1/clusters/orders/restart', {})).status, 404);
    assert.deepEqual((await api.as(stranger, 'GET', '/api/v1/clusters')).body, []);
    assert.deepEqual((await api.as(stranger, 'GET', '/api/v1/operations')).body, []);
    assert.equal((await api.as(viewer, 'GET', '/api/v1/clusters')).body.length, 1);
  });

  test('a viewer reads and changes nothing', async () => {
    await create(owner, 'looked-at');
    const tries = await Promise.all([
      create(viewer, 'wanted', { team: 'ours' }),
      api.as(viewer, 'POST', '/api/v1/clusters/looked-at/restart', {}),
      api.as(viewer, 'DELETE', '/api/v1/clusters/looked-at', { confirm: 'looked-at' }),
      api.as(viewer, 'GET', '/api/v1/clusters/looked-at/account'),
    ]);
    assert.deepEqual(
      tries.map((one) => one.status),
      [403, 403, 403, 403],
    );
    assert.match(tries[0]!.body.hint, /role "member"/);
  });

  test('of two creates with one name at the same moment, one is accepted and one is a conflict', async () => {
    const answers = await Promise.all([create(owner, 'twins'), create(stranger, 'twins')]);
    assert.deepEqual(answers.map((one) => one.status).sort(), [202, 409]);
    const conflict = answers.find((one) => one.status === 409);
    assert.equal(conflict?.body.kind, 'conflict');
    assert.deepEqual(conflict?.body.fields[0].path, 'name');
  });

  test('a second operation on a busy cluster is a conflict that names the first', async () => {
    await create(owner, 'busy');
    const answer = await api.as(owner, 'POST', '/api/v1/clusters/busy/restart', {});
    assert.equal(answer.status, 409);
    assert.match(answer.body.detail, /create/);
  });

  test('reading a password is for those who build, and is in the audit trail without the password', async () => {
    await create(owner, 'vault');
    const account = await api.as(owner, 'GET', '/api/v1/clusters/vault/account');
    assert.equal(account.status, 200);
    assert.ok(account.body.password.length >= 20);
    assert.match(account.body.ca, /BEGIN CERTIFICATE/);

    const audit = await api.local('GET', '/api/v1/audit?limit=500');
    assert.ok(!JSON.stringify(audit.body).includes(account.body.password));
    const rows = audit.body.filter((row: { object: string }) => row.object === 'clusters/vault');
    assert.deepEqual(
      rows.map((row: { action: string; actor: string; outcome: string }) => [
        row.action,
        row.actor,
        row.outcome,
      ]),
      [
        ['getAccount', 'olga', 'allowed'],
        ['createCluster', 'olga', 'allowed'],
      ],
    );
  });

  test('the audit trail has every mutating call, refused ones too, and no secret', async () => {
    await api.send({
      method: 'POST',
      url: '/api/v1/session',
      payload: { user: 'olga', password: 'oops-secret' },
    });
    await api.send({
      method: 'POST',
      url: '/api/v1/session',
      payload: { user: 'typed-secret', password: 'x' },
    });
    await api.send({ method: 'DELETE', url: '/api/v1/clusters/anything', payload: { confirm: 'x' } });
    await api.as({ ...owner, csrf: 'wrong-secret' }, 'POST', '/api/v1/teams', { name: 'new' });
    const token = await api.as(owner, 'POST', '/api/v1/me/tokens', { name: 'audited' });
    const person = await api.local('POST', '/api/v1/users', { name: 'newcomer' });
    assert.equal(person.status, 201);

    const { body } = await api.local('GET', '/api/v1/audit?limit=6');
    assert.deepEqual(
      body.map(
        (row: { action: string; actor: string; outcome: string }) =>
          `${row.actor} ${row.action} ${row.outcome}`,
      ),
      [
        'local createUser allowed',
        'olga createToken allowed',
        'olga createTeam refused',
        'unknown deleteCluster refused',
        'unknown login refused',
        'olga login refused',
      ],
    );
    const text = JSON.stringify((await api.local('GET', '/api/v1/audit?limit=500')).body);
    for (const secret of ['oops-secret', 'typed-secret', 'wrong-secret']) {
      assert.ok(!text.includes(secret), secret);
    }
    assert.ok(!text.includes(token.body.token) && !text.includes(person.body.initialPassword));

    const older = await api.local('GET', `/api/v1/audit?limit=2&before=${body[0].id}`);
    assert.deepEqual(older.body, body.slice(1, 3));
  });

  test('teams, members and quotas can be managed and are checked', async () => {
    const quota = { clusters: 1, instances: 2, memoryMb: 1024, diskGb: 20 };
    assert.equal((await api.local('POST', '/api/v1/teams', { name: 'payments', quota })).status, 201);
    assert.equal((await api.local('POST', '/api/v1/teams', { name: 'payments' })).status, 409);
    assert.equal((await api.local('POST', '/api/v1/teams', { name: 'Not A Name' })).status, 400);
    const member = await api.local('PUT', '/api/v1/teams/payments/members/olga', { role: 'member' });
    assert.deepEqual(member.body.members, [{ user: 'olga', role: 'member' }]);
    assert.equal(
      (await api.local('PUT', '/api/v1/teams/payments/members/ghost', { role: 'member' })).status,
      404,
    );
    assert.equal((await create(owner, 'which-team')).status, 400, 'two teams: one must be named');
    assert.equal((await create(owner, 'ledger', { team: 'payments' })).status, 202);
    const second = await create(owner, 'second-ledger', { team: 'payments' });
    assert.equal(second.status, 422);
    assert.match(second.body.detail, /quota of team "payments"/);
    const bigger = await api.local('PUT', '/api/v1/teams/payments/quota', { ...quota, clusters: 2 });
    assert.deepEqual(bigger.body.quota, { ...quota, clusters: 2 });
    assert.deepEqual(bigger.body.used, { clusters: 1, instances: 1, memoryMb: 512, diskGb: 10 });
    assert.equal((await api.local('PUT', '/api/v1/teams/nowhere/quota', quota)).status, 404);
    const removed = await api.local('PUT', '/api/v1/teams/payments/members/olga', { role: 'none' });
    assert.deepEqual(removed.body.members, []);
    assert.equal((await create(stranger, 'foreign', { team: 'ours' })).status, 404);
  });

  test('a person can be given a new password and can be removed, the last administrator cannot', async () => {
    const gone = await api.addPerson('gone', { ours: 'member' });
    const reset = await api.local('POST', '/api/v1/users/gone/password');
    assert.equal(reset.status, 200);
    assert.equal((await api.as(gone, 'GET', '/api/v1/me')).status, 401);
    const payload = { user: 'gone', password: reset.body.initialPassword };
    const again = await api.send({ method: 'POST', url: '/api/v1/session', payload });
    assert.equal(again.body.mustChangePassword, true);
    assert.equal((await api.local('DELETE', '/api/v1/users/gone')).status, 204);
    assert.equal((await api.local('DELETE', '/api/v1/users/gone')).status, 404);
    assert.equal((await api.send({ method: 'POST', url: '/api/v1/session', payload })).status, 401);

    await api.addPerson('root', {}, true);
    const last = await api.local('DELETE', '/api/v1/users/root');
    assert.equal(last.status, 422);
    assert.match(last.body.detail, /last administrator/);
  });

  test('catalogue and infrastructure describe this installation', async () => {
    const catalogue = (await api.as(viewer, 'GET', '/api/v1/catalogue')).body;
    assert.deepEqual(catalogue.zones[0], { zone: 'a', region: 'local', hosts: 2 });
    assert.equal(catalogue.topologies.length, 4);
    const infrastructure = (await api.as(viewer, 'GET', '/api/v1/infrastructure')).body;
    assert.equal(infrastructure.hosts.length, 6);
    assert.equal(infrastructure.hosts[0].memoryFreeMb, 4096);
  });

  test('malformed input of every kind is a problem that says where', async () => {
    const headers = { authorization: 'Bearer moor_cli_token_for_tests', 'content-type': 'application/json' };
    const post = (payload: string, more: object = {}) =>
      api.send({ method: 'POST', url: '/api/v1/teams', headers: { ...headers, ...more }, payload });
    const broken = await post('{"name": "x"');
    assert.equal(broken.status, 400);
    assert.equal(broken.body.kind, 'invalid');
    assert.equal(broken.headers['content-type'], 'application/problem+json');
    assert.equal((await post('{"__proto__": {"a": 1}, "name": "x"}')).status, 400);
    assert.equal((await post('name=x', { 'content-type': 'application/x-www-form-urlencoded' })).status, 400);
    assert.equal((await post('')).status, 400);
    const typed = await post('{"name": 7}');
    assert.deepEqual(typed.body.fields[0].path, 'name');
    assert.equal((await api.local('GET', '/api/v1/audit?limit=0')).body.fields[0].path, 'limit');
    assert.equal((await api.local('GET', '/api/v1/audit?before=abc')).status, 400);
    assert.equal((await api.local('GET', '/api/v1/operations?before=abc')).status, 400);
    assert.equal((await api.local('GET', '/api/v1/operations/abc')).status, 404);
    assert.equal((await api.local('GET', "/api/v1/clusters/';drop")).status, 404);
    assert.equal((await api.local('GET', '/api/v1/nothing')).body.kind, 'not_found');
    assert.equal((await api.local('PUT', '/api/v1/clusters')).status, 404);
    assert.equal((await api.local('GET', '/api/v1/clusters/%ZZ')).status, 400);
  });

  test('a NUL character or an endless name is refused, not passed to the store', async () => {
    for (const url of ['/api/v1/clusters/a%00b', `/api/v1/clusters/${'x'.repeat(3000)}`]) {
      const answer = await api.local('GET', url);
      assert.ok(
        answer.status === 404 || answer.status === 400 || answer.status === 414,
        `${answer.status} ${url}`,
      );
    }
    const login = await api.send({
      method: 'POST',
      url: '/api/v1/session',
      payload: { user: 'a\u0000b', password: 'x' },
    });
    assert.ok(login.status === 400 || login.status === 401, String(login.status));
    const made = await create(owner, 'a\u0000b');
    assert.ok(made.status >= 400 && made.status < 500, String(made.status));
    const [last] = (await api.local('GET', '/api/v1/audit?limit=1')).body;
    assert.equal(last.object, 'clusters/a?b');
  });

  test('a bug answers 500 with an id, tells nothing, and is logged with its cause', async () => {
    const logged: object[] = [];
    const log = { ...api.context.log, error: (facts: object) => void logged.push(facts) };
    await using broken = await testApi({
      log,
      capacity: async () => {
        throw new Error('secret internals');
      },
    });
    const answer = await broken.local('GET', '/api/v1/infrastructure');
    assert.equal(answer.status, 500);
    assert.ok(!JSON.stringify(answer.body).includes('secret'));
    assert.deepEqual(
      logged.map((facts) => (facts as { requestId: string }).requestId),
      [answer.body.requestId],
    );
  });

  test('while the store is away the API says so and asks to try again', async () => {
    await using away = openStore({ connection: 'postgres://mooring@/mooring?host=/nonexistent' });
    await using alone = await testApi({ store: away });
    for (const url of ['/api/v1/clusters', '/api/v1/changes']) {
      const answer = await alone.local('GET', url);
      assert.equal(answer.status, 503, url);
      assert.equal(answer.body.kind, 'unavailable');
      assert.equal(answer.headers['retry-after'], '5');
      assert.ok(answer.body.hint);
    }
    const payload = { user: 'a', password: 'b' };
    assert.equal((await alone.send({ method: 'POST', url: '/api/v1/session', payload })).status, 503);
    const health = (await alone.send({ method: 'GET', url: '/api/v1/health' })).body;
    assert.equal(health.store, 'unavailable');
  });

  test('the document of the API is served, and every answer carries the headers that protect a page', async () => {
    const answer = await api.send({ method: 'GET', url: '/api/v1/openapi.json' });
    assert.equal(answer.body.openapi, '3.1.0');
    assert.match(String(answer.headers['content-security-policy']), /frame-ancestors 'none'/);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    assert.equal(answer.headers['cache-control'], 'no-store');
  });
});

test('the console is served with its router: hashed files for a year, the page for every other path', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mooring-console-'));
  await mkdir(join(directory, 'assets'));
  await writeFile(join(directory, 'index.html'), '<!doctype html><title>Mooring</title>');
  await writeFile(join(directory, 'assets', 'index-abc123.js'), 'export {}');
  try {
    await using api = await testApi({ consoleDirectory: directory });
    const get = (url: string) => api.send({ method: 'GET', url });
    for (const url of ['/', '/clusters/orders', '/index.html']) {
      const page = await get(url);
      assert.equal(page.status, 200, url);
      assert.match(page.body, /Mooring/);
      assert.equal(page.headers['cache-control'], 'no-cache', url);
    }
    const asset = await get('/assets/index-abc123.js');
    assert.equal(asset.headers['cache-control'], 'public, max-age=31536000, immutable');
    assert.equal((await get('/assets/gone-123.js')).status, 404);
    assert.equal((await get('/api/v1/gone')).body.kind, 'not_found');
    assert.notEqual((await get('/../../etc/passwd')).status, 500);
    assert.equal((await get('/..%2f..%2fetc%2fpasswd')).body.includes?.('root:') ?? false, false);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('the table of routes has no two routes for one call', () => {
  const calls = (Object.keys(routes) as RouteName[]).map(
    (name) => `${routes[name].method} ${routes[name].path}`,
  );
  assert.equal(new Set(calls).size, calls.length);
});
