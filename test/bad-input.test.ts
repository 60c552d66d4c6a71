/**
 * What people and programs ask wrongly of a real platform: each request is refused with its exit code
 * or status and with a sentence that says what to do.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Quota } from '../src/api/contract/schemas.ts';
import { query } from './support/databases.ts';
import { type Reply, refused, send } from './support/http.ts';
import { type CliResult, type Created, type Platform, runMoor, startPlatform } from './support/platform.ts';
import { inStore } from './support/store-of.ts';

/** Room for the two endpoints of one cluster, and not for those of a second. */
const instancePorts = '25990-25992';

describe('bad input', () => {
  let platform: Platform;
  before(async () => {
    platform = await startPlatform({ options: ['--instance-ports', instancePorts] });
  });
  after(() => platform[Symbol.asyncDispose]());

  const authorized = (more: Record<string, string> = {}) => ({
    authorization: `Bearer ${platform.cliToken}`,
    'content-type': 'application/json',
    ...more,
  });
  const ask = (body: object): Promise<Reply> =>
    send(platform.url, 'POST', '/api/v1/clusters', { headers: authorized(), body: JSON.stringify(body) });

  for (const [name, says] of [
    ['Orders', /lower-case letters, digits and hyphens/],
    ['1st', /starts with a letter/],
    ['orders-', /does not end with a hyphen/],
    ['../etc', /lower-case letters/],
    ['a'.repeat(41), /1 to 40/],
    ['mysql', /reserved; choose another/],
    ['', /1 to 40/],
  ] as const) {
    it(`refuses the name "${name.slice(0, 12)}" with the rule`, async () => {
      const reply = await ask({ engine: 'postgres', name });
      refused(reply, 400, 'invalid', says);
      assert.deepEqual(
        reply.problem.fields?.map((field) => field.path),
        ['name'],
      );
      exits(await platform.cli('create', 'postgres', name), 2, says);
    });
  }

  it('refuses an engine, version, size or topology that is not on offer, and says what is', async () => {
    const cases: [string[], object, RegExp][] = [
      [
        ['oracle', 'a1'],
        { engine: 'oracle', name: 'a1' },
        /no engine "oracle"; choose one of mysql, postgres/,
      ],
      [
        ['mysql', 'a1', '--version', '5.5'],
        { engine: 'mysql', name: 'a1', version: '5.5' },
        /MySQL is offered in 9\.7, not in "5\.5"/,
      ],
      [
        ['mysql', 'a1', '--size', 'huge'],
        { engine: 'mysql', name: 'a1', size: 'huge' },
        /no size "huge"; choose one of small, medium, large/,
      ],
      [
        ['mysql', 'a1', '--topology', '2+2'],
        { engine: 'mysql', name: 'a1', topology: '2+2' },
        /no topology "2\+2"; choose one of single, 1\+1, 1\+2, 1\+3/,
      ],
    ];
    for (const [args, body, says] of cases) {
      refused(await ask(body), 400, 'invalid', says);
      exits(await platform.cli('create', ...args), 2, says, /moor engines/);
    }
    assert.deepEqual(await platform.json('list'), [], 'nothing was created');
  });

  it('refuses a cluster that the quota of its team does not allow', async () => {
    const [team] = await platform.api.call('listTeams');
    assert(team);
    const setQuota = (body: Quota) => platform.api.call('setQuota', { params: { name: 'default' }, body });
    for (const [less, says] of [
      [{ clusters: 0 }, /quota of team "default" is not enough: 1 clusters wanted, 0 of 0 used/],
      [{ instances: 1 }, /3 instances wanted, 0 of 1 used/],
      [{ memoryMb: 600 }, /1536 MiB of memory wanted, 0 of 600 used/],
      [{ diskGb: 15 }, /30 GiB of disk wanted, 0 of 15 used/],
    ] as const) {
      await setQuota({ ...team.quota, ...less });
      refused(await ask({ engine: 'mysql', name: 'a1' }), 422, 'refused', says);
      exits(await platform.cli('create', 'mysql', 'a1'), 3, says, /ask an administrator for a larger quota/);
    }
    await setQuota(team.quota);
  });

  it('refuses what the memory of this machine cannot hold', async (t) => {
    if (freemem() > 32 * 1024 ** 3) return t.skip('this machine has room for four large instances');
    const says = /no room for instance \d of 4: it needs 8192 MiB of memory and \d+ MiB are free/;
    const large = { engine: 'mysql', name: 'a1', topology: '1+3', size: 'large' };
    refused(await ask(large), 422, 'refused', says);
    const cli = await platform.cli('create', 'mysql', 'a1', '--topology', '1+3', '--size', 'large');
    exits(cli, 3, says, /choose a smaller size or topology/);
  });

  it('refuses what the disk cannot hold', async (t) => {
    const volumes = join(platform.dataDirectory, 'instances');
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=711', 'tmpfs', volumes]);
    if (mounted.status !== 0) return t.skip('only root can put a small disk there');
    try {
      const says = /no room for instance 1 of 1: it needs 1 GiB of disk and 0\.\d GiB are free/;
      refused(await ask({ engine: 'mysql', name: 'a1', topology: 'single' }), 422, 'refused', says);
      exits(await platform.cli('create', 'mysql', 'a1', '--topology', 'single'), 3, says, /Purge a deleted/);
    } finally {
      assert.equal(spawnSync('umount', [volumes]).status, 0);
    }
  });

  it('lets exactly one of four creates win that ask for one name at the same moment', async () => {
    const one = { engine: 'postgres', name: 'orders', topology: 'single' };
    const cli = ['create', 'postgres', 'orders', '--topology', 'single', '--no-wait'];
    const [first, second, ...replies] = await Promise.all([
      platform.cli(...cli),
      platform.cli(...cli),
      ask(one),
      ask(one),
    ]);
    const won = [first, second].filter((result) => result.code === 0).length;
    assert.equal(won + replies.filter((reply) => reply.status === 202).length, 1);
    for (const result of [first, second]) {
      if (result.code !== 0) exits(result, 3, /already a cluster called "orders"/);
    }
    for (const reply of replies) {
      if (reply.status !== 202) refused(reply, 409, 'conflict', /already a cluster called "orders"/);
    }
    await platform.untilReady('orders');
  });

  it('refuses a name that is taken, also by a cluster that is deleted and kept', async () => {
    const taken = /already a cluster called "orders".*Choose another name/s;
    refused(await ask({ engine: 'mysql', name: 'orders' }), 409, 'conflict', taken);
    exits(await platform.cli('create', 'mysql', 'orders'), 3, taken);
    await platform.json('delete', 'orders', '--yes');
    const kept = /deleted cluster whose volumes are still kept.*moor undelete orders/s;
    refused(await ask({ engine: 'mysql', name: 'orders' }), 409, 'conflict', kept);
    exits(await platform.cli('create', 'mysql', 'orders'), 3, kept, /moor delete orders --purge/);
    await platform.json('undelete', 'orders');
    await platform.untilReady('orders');
  });

  it('says that no ports are left, leaves nothing behind, and frees the name', async () => {
    const says = /No 2 free ports on 127\.0\.0\.1 between 25990 and 25992/;
    const result = await platform.cli('create', 'postgres', 'second', '--topology', 'single');
    exits(result, 3, says, /Purge deleted clusters \(moor delete NAME --purge\)/);
    const [operation] = await platform.api.call('listOperations', { query: { limit: 1 } });
    assert.equal(operation?.state, 'failed');
    assert.match(operation.error?.message ?? '', says);
    const volumes = readdirSync(join(platform.dataDirectory, 'instances')).filter((n) => !n.startsWith('.'));
    assert.equal(volumes.length, 1, 'only the volume of orders');
    exits(await platform.cli('get', 'second'), 1, /no cluster called "second"/);
  });

  it('knows no cluster, instance or operation that is not there, and says how to find one', async () => {
    exits(await platform.cli('get', 'nowhere'), 1, /no cluster.*"nowhere"/i, /moor list/);
    exits(await platform.cli('restart', 'orders', 'orders-9'), 1, /no instance "orders-9"/, /orders-1/);
    exits(await platform.cli('cancel', 'nothing'), 1, /operation/i, /moor operations/);
    const json = await platform.cli('get', 'nowhere', '--json');
    assert.equal(json.code, 1);
    assert.equal(json.stdout, '');
    assert.equal(JSON.parse(json.stderr).kind, 'not_found');
  });

  it('asks for the exact name before it deletes', async () => {
    const wrong = await send(platform.url, 'DELETE', '/api/v1/clusters/orders', {
      headers: authorized(),
      body: JSON.stringify({ confirm: 'order', purge: false }),
    });
    refused(wrong, 400, 'invalid', /confirm with exactly its name/);
    exits(await platform.cli('delete', 'orders'), 2, /no terminal/i, /--yes/);
    assert.equal((await platform.cluster('orders')).state, 'ready');
  });

  it('exits with 2 and the usage when it does not know a command or a flag', async () => {
    for (const args of [['fly'], ['list', '--fast'], ['create', 'mysql'], ['create', 'mysql', 'a', 'b']]) {
      exits(await platform.cli(...args), 2, /^error: /, /moor (create )?--help/);
    }
    for (const command of ['up', 'down', 'status', 'doctor', 'test']) {
      exits(await runMoor([command, '--fast']), 2, /--fast/, /moor (up --help|[a-z]+ \[)/);
    }
    exits(
      await runMoor(['up', '--port', 'abc']),
      2,
      /--port takes a whole number from 0 to 65535, not "abc"/,
    );
    exits(await runMoor(['up', '--zones', '0']), 2, /--zones takes a whole number from 1 to 26/);
    exits(await runMoor(['up', '--instance-ports', '9-1']), 2, /takes a range of ports like 21000-24999/);
  });

  it('answers malformed JSON, another media type and a wrong shape with 400', async () => {
    const post = (body: string, headers = authorized()) =>
      send(platform.url, 'POST', '/api/v1/clusters', { headers, body });
    refused(await post('{"engine": '), 400, 'invalid', /not valid JSON/);
    refused(
      await post('engine=mysql', authorized({ 'content-type': 'text/plain' })),
      400,
      'invalid',
      /not JSON/,
    );
    refused(await post('{"engine":7}'), 400, 'invalid', /engine/);
    refused(await post('[]'), 400, 'invalid', /openapi/);
    refused(
      await post('{"__proto__":{"x":1},"engine":"mysql","name":"a"}'),
      400,
      'invalid',
      /not valid JSON/,
    );
  });

  it('refuses a body of 100 MB over HTTP without keeping it', async () => {
    const before = residentMb(platform.pid);
    const status = await sendHuge(platform, 100);
    assert.equal(status, 413);
    assert(residentMb(platform.pid) - before < 60, 'the platform did not keep the body');
    assert.equal((await platform.cluster('orders')).state, 'ready');
  });

  describe('log-in', () => {
    const login = (user: string, password: string) =>
      send(platform.url, 'POST', '/api/v1/session', {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ user, password }),
      });

    it('turns away who has no token, a wrong one, or no CSRF token', async () => {
      const get = (headers: Record<string, string>) =>
        send(platform.url, 'GET', '/api/v1/clusters', { headers });
      refused(await get({}), 401, 'unauthenticated', /not logged in.*moor login/s);
      refused(await get({ authorization: 'Bearer moor_wrong' }), 401, 'unauthenticated', /not known here/);
      const wrong = await runMoor(['list', '--url', platform.url], { MOORING_TOKEN: 'moor_wrong' });
      exits(wrong, 3, /not known here/);
      const none = await runMoor(['list', '--url', platform.url], {
        MOORING_TOKEN: '',
        XDG_CONFIG_HOME: '/none',
      });
      exits(none, 3, /not logged in/, /moor login/);

      const { cookie } = await session();
      const withoutCsrf = await send(platform.url, 'POST', '/api/v1/clusters/orders/restart', {
        headers: { cookie, 'content-type': 'application/json' },
        body: '{}',
      });
      refused(withoutCsrf, 403, 'forbidden', /CSRF token is missing or wrong.*Load the page again/s);
    });

    it('says that a session that was not used for too long has ended, and what to do', async () => {
      const { cookie } = await session();
      const me = () => send(platform.url, 'GET', '/api/v1/me', { headers: { cookie } });
      assert.equal((await me()).status, 200);
      await inStore(platform, "update sessions set last_used_at = now() - interval '13 hours'");
      refused(await me(), 401, 'unauthenticated', /session has ended.*Log in again/s);
    });

    it('answers a wrong password and an unknown name alike, and locks after ten', async () => {
      for (const [user, password] of [
        ['admin', 'wrong'],
        ['nobody-here', 'wrong'],
      ] as const) {
        refused(await login(user, password), 401, 'unauthenticated', /User or password is wrong.*locked/s);
      }
      await Promise.all(Array.from({ length: 10 }, () => login('admin', 'wrong')));
      const right = await login('admin', platform.adminPassword);
      refused(right, 401, 'unauthenticated', /locked for at least a minute/);

      // Whoever owns the host gets in again without waiting.
      const fresh = await platform.json<{ initialPassword: string }>('users', 'reset', 'admin');
      platform.adminPassword = fresh.initialPassword;
      assert.equal((await login('admin', fresh.initialPassword)).status, 200);
    });

    it('fails a log-in from the command line with a hint', async () => {
      const { code, stderr } = loginByCli(platform, 'admin', 'wrong\n');
      assert.equal(code, 3, stderr);
      assert.match(stderr, /User or password is wrong/);
      const first = loginByCli(platform, 'admin', `${platform.adminPassword}\n`);
      assert.equal(first.code, 3, first.stderr);
      assert.match(first.stderr, /first log-in sets a new password.*second line/s);
    });

    /** A session of the administrator, as a browser would have it. */
    async function session(): Promise<{ cookie: string; csrf: string }> {
      const reply = await login('admin', platform.adminPassword);
      assert.equal(reply.status, 200, JSON.stringify(reply.problem));
      const cookie = reply.headers.getSetCookie()[0]?.split(';')[0] ?? '';
      return { cookie, csrf: (reply.problem as unknown as { csrfToken: string }).csrfToken };
    }
  });

  it('serves the cluster as before after all this', async () => {
    const created: Created = {
      ...(await platform.json<Created>('get', 'orders')),
      account: await platform.api.call('getAccount', { params: { name: 'orders' } }),
    };
    await query(created, created.endpoints.readWrite, 'create table t as select 1 as id');
    assert.deepEqual(await query(created, created.endpoints.readOnly, 'select id from t'), [['1']]);
    const restarts = (await platform.cluster('orders')).instances.map((each) => each.unplannedRestarts);
    assert.deepEqual(restarts, [0]);
  });
});

/** Ended with this code, said this, and never showed a stack trace. */
function exits(result: CliResult, code: number, ...says: RegExp[]): void {
  assert.equal(result.code, code, `${result.stdout}${result.stderr}`);
  for (const each of says) assert.match(result.stderr, each);
  assert.doesNotMatch(result.stderr, /\n\s+at .*:\d+|something went wrong that should not/);
}

function residentMb(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kb) / 1024;
}

/** As a client that begins to send without asking whether it may. */
function sendHuge(platform: Platform, megabytes: number): Promise<number | undefined> {
  const block = Buffer.alloc(1 << 20, 'x');
  return new Promise((resolve, reject) => {
    const call = request(
      `${platform.url}/api/v1/clusters`,
      {
        method: 'POST',
        headers: {
          authorization: `Bearer ${platform.cliToken}`,
          'content-type': 'application/json',
          'content-length': megabytes << 20,
        },
      },
      (response) => {
        response.resume();
        // The answer comes before the body is through; who has read it leaves.
        resolve(response.statusCode);
        call.destroy();
      },
    );
    call.on('error', reject);
    let left = megabytes;
    const more = () => {
      while (left > 0) {
        left -= 1;
        if (!call.write(block)) return void call.once('drain', more);
      }
      call.end();
    };
    more();
  });
}

function loginByCli(
  platform: Platform,
  user: string,
  input: string,
): { code: number | null; stderr: string } {
  const moor = join(import.meta.dirname, '../src/main/moor.ts');
  const args = [moor, 'login', platform.url, '--user', user, '--password-stdin'];
  const { status, stderr } = spawnSync(process.execPath, args, {
    input,
    encoding: 'utf8',
    env: { ...process.env, XDG_CONFIG_HOME: join(platform.dataDirectory, '..', 'config') },
  });
  return { code: status, stderr };
}
