import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type TestApi, testApi, testPassword } from '../../test/support/api.ts';
import { attemptsBeforeLock } from '../store/users.ts';
import { ensureFirstAdministrator } from './first-start.ts';

const session = '/api/v1/session';

describe('log-in', () => {
  let api: TestApi;
  before(async () => {
    api = await testApi();
  });
  after(() => api[Symbol.asyncDispose]());

  const logIn = (user: string, password: string) =>
    api.send({ method: 'POST', url: session, payload: { user, password } });

  test('the first administrator must set a password before anything else', async () => {
    const first = await ensureFirstAdministrator(api.store);
    assert.ok(first);
    const answer = await logIn('admin', first.initialPassword);
    assert.equal(answer.status, 200);
    assert.equal(answer.body.mustChangePassword, true);
    assert.deepEqual(answer.body.teams, [{ name: 'default', role: 'owner' }]);
    const admin = { cookie: answer.cookie ?? '', csrf: answer.body.csrfToken };

    const refused = await api.as(admin, 'GET', '/api/v1/clusters');
    assert.equal(refused.status, 403);
    assert.equal(refused.body.kind, 'forbidden');
    assert.match(refused.body.hint, /initial password/);
    assert.equal((await api.as(admin, 'GET', '/api/v1/me')).status, 200);

    const short = await api.as(admin, 'POST', '/api/v1/me/password', {
      currentPassword: first.initialPassword,
      newPassword: 'short',
    });
    assert.equal(short.status, 400);
    assert.deepEqual(
      short.body.fields.map((field: { path: string }) => field.path),
      ['newPassword'],
    );
    const changed = await api.as(admin, 'POST', '/api/v1/me/password', {
      currentPassword: first.initialPassword,
      newPassword: 'four unrelated words here',
    });
    assert.equal(changed.status, 204);
    assert.equal((await api.as(admin, 'GET', '/api/v1/clusters')).status, 200);
    assert.equal(await ensureFirstAdministrator(api.store), null);
  });

  test('until that happens, each start shows a new initial password and the old one is void', async () => {
    await using fresh = await testApi();
    const first = await ensureFirstAdministrator(fresh.store);
    const second = await ensureFirstAdministrator(fresh.store);
    assert.ok(first && second && first.initialPassword !== second.initialPassword);
    const payload = { user: 'admin', password: first.initialPassword };
    assert.equal((await fresh.send({ method: 'POST', url: session, payload })).status, 401);
  });

  test('a wrong password, an unknown name and a locked account get the same answer', async () => {
    await api.addPerson('lena');
    const wrong = await logIn('lena', 'not her password');
    const unknown = await logIn('nobody-of-that-name', 'whatever it is');
    for (let i = 0; i < attemptsBeforeLock; i++) await logIn('lena', 'not her password');
    const locked = await logIn('lena', testPassword);
    for (const answer of [wrong, unknown, locked]) {
      assert.equal(answer.status, 401);
      assert.equal(answer.body.kind, 'unauthenticated');
      assert.equal(answer.body.detail, wrong.body.detail);
      assert.equal(answer.body.hint, wrong.body.hint);
      assert.equal(answer.cookie, undefined);
    }
    await api.store.pool.query("update users set locked_until = now() - interval '1 s' where name = 'lena'");
    assert.equal((await logIn('lena', testPassword)).status, 200);
    const { rows } = await api.store.pool.query("select failed_logins from users where name = 'lena'");
    assert.equal(rows[0].failed_logins, 0);
  });

  test('guesses that arrive at the same moment are all counted', async () => {
    await api.addPerson('max');
    await Promise.all(Array.from({ length: attemptsBeforeLock + 5 }, () => logIn('max', 'a guess')));
    assert.equal((await logIn('max', testPassword)).status, 401);
  });

  test('an idle or old session is told to log in again', async () => {
    const ida = await api.addPerson('ida');
    for (const age of ["last_used_at = now() - interval '13 hours'", 'expires_at = now()']) {
      await api.store.pool.query(`update sessions set ${age}`);
      const answer = await api.as(ida, 'GET', '/api/v1/me');
      assert.equal(answer.status, 401);
      assert.match(answer.body.hint, /Log in again/);
    }
  });

  test('logging out ends the session, and a new password ends the other ones', async () => {
    const kim = await api.addPerson('kim');
    const other = await logIn('kim', testPassword);
    const changed = await api.as(kim, 'POST', '/api/v1/me/password', {
      currentPassword: testPassword,
      newPassword: 'another long enough one',
    });
    assert.equal(changed.status, 204);
    const left = { cookie: other.cookie ?? '', csrf: other.body.csrfToken };
    assert.equal((await api.as(left, 'GET', '/api/v1/me')).status, 401);
    assert.equal((await api.as(kim, 'DELETE', session)).status, 204);
    assert.equal((await api.as(kim, 'GET', '/api/v1/me')).status, 401);
  });

  test('the cookie cannot be read by scripts nor sent by other sites, and is Secure under https', async () => {
    await api.addPerson('zoe');
    await using secure = await testApi({ https: true });
    await secure.addPerson('zoe');
    for (const [one, isSecure] of [
      [api, false],
      [secure, true],
    ] as const) {
      const payload = { user: 'zoe', password: testPassword };
      const answer = await one.send({ method: 'POST', url: session, payload });
      const header = String(answer.headers['set-cookie']);
      assert.match(header, /HttpOnly/);
      assert.match(header, /SameSite=Strict/);
      assert.equal(/Secure/.test(header), isSecure);
      assert.equal(typeof answer.headers['strict-transport-security'] === 'string', isSecure);
    }
  });

  test('a mutating call with a cookie needs the CSRF token; one with an API token does not', async () => {
    const mia = await api.addPerson('mia', { ours: 'owner' });
    for (const csrf of ['', 'csrf_wrong']) {
      const answer = await api.as({ ...mia, csrf }, 'POST', '/api/v1/me/tokens', { name: 'ci' });
      assert.equal(answer.status, 403);
      assert.match(answer.body.detail, /CSRF/);
    }
    const made = await api.as(mia, 'POST', '/api/v1/me/tokens', { name: 'ci', expiresInDays: 1 });
    assert.equal(made.status, 201);
    assert.match(made.body.token, /^moor_/);
    const headers = { authorization: `Bearer ${made.body.token}` };
    const again = await api.send({
      method: 'POST',
      url: '/api/v1/me/tokens',
      headers,
      payload: { name: 'second' },
    });
    assert.equal(again.status, 201);
    assert.equal((await api.as(mia, 'POST', '/api/v1/me/tokens', { name: 'ci' })).status, 409);

    const listed = await api.as(mia, 'GET', '/api/v1/me/tokens');
    assert.equal(listed.body.length, 2);
    assert.ok(!JSON.stringify(listed.body).includes(made.body.token));
    await api.store.pool.query("update api_tokens set expires_at = now() where name = 'ci'");
    const expired = await api.send({ method: 'GET', url: '/api/v1/me', headers });
    assert.equal(expired.status, 401);
    assert.match(expired.body.detail, /expired/);
    assert.equal((await api.as(mia, 'DELETE', `/api/v1/me/tokens/${made.body.id}`)).status, 204);
    assert.equal((await api.as(mia, 'DELETE', `/api/v1/me/tokens/${made.body.id}`)).status, 404);
    assert.equal((await api.as(mia, 'DELETE', '/api/v1/me/tokens/nonsense')).status, 404);
  });

  test('too many log-ins from one address are turned away with 429', async () => {
    await using strict = await testApi({ limits: { loginsPerMinute: 3 } });
    const payload = { user: 'x', password: 'y' };
    const statuses = [];
    for (let i = 0; i < 5; i++) {
      statuses.push((await strict.send({ method: 'POST', url: session, payload })).status);
    }
    assert.deepEqual(statuses, [401, 401, 401, 429, 429]);
  });
});
