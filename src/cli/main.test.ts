import assert from 'node:assert/strict';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { account, cluster, type Handlers, operation, Problem, standIn, WithCookie } from './stand-in.ts';

/** A platform on which everything works; the operation is done at the second look. */
function working(): Handlers {
  let looks = 0;
  return {
    createCluster: () => ({ cluster: cluster({ state: 'creating' }), operation: operation() }),
    deleteCluster: () => ({ cluster: cluster(), operation: operation({ kind: 'delete' }) }),
    undeleteCluster: () => ({ cluster: cluster(), operation: operation({ kind: 'undelete' }) }),
    restartCluster: () => ({ cluster: cluster(), operation: operation({ kind: 'restart' }) }),
    getOperation: () => (looks++ === 0 ? operation() : operation({ state: 'done' })),
    getCluster: () => cluster(),
    getAccount: () => account,
    listClusters: () => [cluster()],
    listOperations: () => [operation()],
    listEvents: () => [
      { id: '2', at: '2026-01-01T00:00:01Z', severity: 'info', kind: 'k', message: 'second', instance: null },
      {
        id: '1',
        at: '2026-01-01T00:00:00Z',
        severity: 'error',
        kind: 'k',
        message: 'first',
        instance: 'orders-1',
      },
    ],
  };
}

describe('moor create', () => {
  it('--json ends with exactly the object that scripts rely on', async () => {
    await using server = await standIn(working());
    const { code, out, err } = await server.run(['create', 'mysql', 'orders', '--topology', '1+1', '--json']);
    assert.equal(err, '');
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(out), {
      name: 'orders',
      engine: 'mysql',
      version: '9.7',
      topology: '1+1',
      state: 'ready',
      endpoints: {
        readWrite: { host: '127.0.0.1', port: 21000, url: 'mysql://orders:sEcret@127.0.0.1:21000/orders' },
        readOnly: { host: '127.0.0.1', port: 21001, url: 'mysql://orders:sEcret@127.0.0.1:21001/orders' },
      },
      account: { user: 'orders', password: 'sEcret', database: 'orders' },
      instances: [
        { name: 'orders-1', role: 'primary', zone: 'a', host: '127.20.1.1', port: 21002 },
        { name: 'orders-2', role: 'standby', zone: 'a', host: '127.20.2.1', port: 21002 },
      ],
      rule: { term: 1, leader: 'orders-1', k: 1 },
      secondsToReady: 2.4,
    });
    assert.deepEqual(server.calls[0]?.body, { engine: 'mysql', name: 'orders', topology: '1+1' });
  });

  it('shows each step once, then the address and the next commands', async () => {
    await using server = await standIn(working());
    const { code, out, err } = await server.run(['create', 'postgresql', 'orders']);
    assert.equal(code, 0);
    assert.equal((err.match(/done {5}Choose hosts {2}1\.5 s/g) ?? []).length, 1);
    assert.match(err, /done {5}Make volumes {2}0\.5 s/);
    assert.match(out, /orders is ready in 2\.4 s/);
    assert.match(out, /mysql:\/\/orders:sEcret@127\.0\.0\.1:21000\/orders/);
    assert.match(out, /moor connect orders/);
    assert.equal((server.calls[0]!.body as { engine: string }).engine, 'postgres');
  });

  it('redraws the plan in place on a terminal, never wider than it', async () => {
    await using server = await standIn(working());
    const { err } = await server.run(['create', 'mysql', 'orders'], { tty: true });
    assert.ok(err.includes('\u001b[2A\u001b[J'));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal codes begin with one
    const plain = err.replace(/\u001b\[[0-9;]*[A-Za-z]/g, '');
    assert.ok(plain.split('\n').every((line) => line.length <= 60));
  });

  it('returns at once with --no-wait', async () => {
    await using server = await standIn(working());
    const { code, out } = await server.run(['create', 'mysql', 'orders', '--no-wait']);
    assert.equal(code, 0);
    assert.match(out, /moor operations 01939a00/);
    assert.equal(server.calls.length, 1);
  });

  it('a time-out exits with 4 and says that the operation goes on', async () => {
    const waiting = operation({ state: 'waiting', waitingFor: 'Waits for orders-2 to follow' });
    await using server = await standIn({ ...working(), getOperation: () => waiting });
    const { code, err } = await server.run(['create', 'mysql', 'orders', '--timeout', '0.05']);
    assert.equal(code, 4);
    assert.match(err, /\(Waits for orders-2 to follow\)\. It goes on/);
    assert.match(err, /next: {2}Follow it with: moor operations 01939a00/);
  });

  it('Ctrl-C says that the operation goes on', async () => {
    await using server = await standIn({ ...working(), getOperation: () => operation() });
    const { code, err } = await server.run(['create', 'mysql', 'orders'], {
      onInterrupt: (interrupt) => setImmediate(interrupt),
    });
    assert.equal(code, 130);
    assert.match(err, /The create of orders goes on/);
    assert.match(err, /moor cancel 01939a00/);
  });

  it('a failed operation exits with what failed and what to do', async () => {
    const error = {
      kind: 'refused',
      message: 'The disk is too full to make a volume',
      hint: 'Free disk space',
    };
    await using server = await standIn({
      ...working(),
      getOperation: () => operation({ state: 'failed', error }),
    });
    const { code, err } = await server.run(['create', 'mysql', 'orders']);
    assert.equal(code, 3);
    assert.match(err, /error: The create of orders failed: The disk is too full to make a volume/);
    assert.match(err, /next: {2}Free disk space/);
  });

  it('looks as soon as the stream says that something changed', async () => {
    let looks = 0;
    await using server = await standIn({
      ...working(),
      getOperation: () => (looks++ < 20 ? operation() : operation({ state: 'done' })),
    });
    const startedAt = performance.now();
    await server.run(['create', 'mysql', 'orders']);
    assert.ok(performance.now() - startedAt < 5_000, 'twenty polls alone would take ten seconds and more');
  });

  it('outlasts a platform that restarts meanwhile', async () => {
    let looks = 0;
    await using server = await standIn({
      ...working(),
      getOperation: () =>
        looks++ === 0 ? new Problem(503, 'unavailable', 'restarting') : operation({ state: 'done' }),
    });
    assert.equal((await server.run(['create', 'mysql', 'orders'])).code, 0);
  });
});

describe('errors', () => {
  it('have the exit code of their kind, a reason and a next command, and no stack trace', async () => {
    const cases: [string, number, number][] = [
      ['invalid', 400, 2],
      ['unauthenticated', 401, 3],
      ['forbidden', 403, 3],
      ['not_found', 404, 1],
      ['conflict', 409, 3],
      ['refused', 422, 3],
      ['timeout', 504, 4],
    ];
    await using server = await standIn({});
    for (const [kind, status, expected] of cases) {
      server.handlers.getCluster = () => new Problem(status, kind, 'This happened', 'do that');
      const { code, out, err } = await server.run(['get', 'orders']);
      assert.equal(code, expected, kind);
      assert.equal(out, '');
      assert.equal(err, 'error: This happened\nnext:  do that\n');
    }
  });

  it('are a JSON object on standard error with --json', async () => {
    await using server = await standIn({
      getCluster: () => new Problem(404, 'not_found', 'No cluster', 'moor list'),
    });
    const { out, err } = await server.run(['--json', 'get', 'orders']);
    assert.equal(out, '');
    assert.deepEqual(JSON.parse(err), { kind: 'not_found', detail: 'No cluster', hint: 'moor list' });
  });

  it('of usage exit with 2 and name the help', async () => {
    await using server = await standIn({});
    for (const argv of [
      ['creat', 'mysql'],
      ['create', 'mysql'],
      ['list', '--wrong'],
      ['create', 'a', 'b', '--timeout', 'x'],
    ]) {
      const { code, err } = await server.run(argv);
      assert.equal(code, 2, argv.join(' '));
      assert.match(err, /moor --help/);
    }
    assert.match((await server.run(['creat', 'x', 'y'])).err, /Did you mean create/);
  });

  it('say how to start a platform when nothing answers', async () => {
    await using server = await standIn({});
    const { code, err } = await server.run(['list'], { env: { MOORING_URL: 'http://127.0.0.1:1' } });
    assert.equal(code, 1);
    assert.match(err, /does not answer at http:\/\/127\.0\.0\.1:1\nnext: {2}Start it with: moor up/);
  });

  it('help exits with 0 and names the commands of this host as well', async () => {
    await using server = await standIn({});
    const { code, out } = await server.run(['--help']);
    assert.equal(code, 0);
    for (const name of ['create', 'undelete', 'doctor', 'down [--keep-databases]'])
      assert.ok(out.includes(name));
  });
});

describe('who is asked, and as whom', () => {
  it("needs no log-in on the platform's own host", async () => {
    const seen: (string | undefined)[] = [];
    await using server = await standIn({
      listClusters: (_call, request) => {
        seen.push(request.headers.authorization);
        return [];
      },
    });
    const data = join(server.home, 'data');
    await mkdir(data);
    await writeFile(join(data, 'platform.json'), JSON.stringify({ address: server.url }));
    await writeFile(join(data, 'cli-token'), 'local-token\n');
    const { code, out } = await server.run(['list', '--data', data], { anonymous: true });
    assert.equal(code, 0);
    assert.match(out, /No clusters yet/);
    assert.deepEqual(seen, ['Bearer local-token']);
    const elsewhere = await server.run(['list', '--data', join(server.home, 'none')], { anonymous: true });
    assert.equal(elsewhere.code, 1);
    assert.match(elsewhere.err, /moor up --data/);
  });

  it('login keeps a token that only this user can read, and logout revokes it', async () => {
    const me = {
      user: 'admin',
      administrator: true,
      mustChangePassword: false,
      teams: [],
      csrfToken: 'csrf',
    };
    const headers: Record<string, unknown>[] = [];
    await using server = await standIn({
      login: ({ body }) =>
        (body as { password: string }).password === 'right'
          ? new WithCookie(me, 'session=abc; HttpOnly; Path=/')
          : new Problem(401, 'unauthenticated', 'User or password is wrong', 'Try again'),
      createToken: (_call, request) => {
        headers.push(request.headers);
        return { id: 't1', name: 'n', createdAt: '', lastUsedAt: null, expiresAt: null, token: 'made' };
      },
      logout: () => undefined,
      deleteToken: () => undefined,
      listClusters: (_call, request) => {
        headers.push(request.headers);
        return [];
      },
    });
    const argv = ['login', server.url, '--user', 'admin', '--password-stdin'];
    const wrong = await server.run(argv, { stdin: 'wrong\n', anonymous: true });
    assert.equal(wrong.code, 3);
    const right = await server.run(argv, { stdin: 'right\n', anonymous: true });
    assert.equal(right.code, 0);
    assert.equal(headers[0]?.cookie, 'session=abc');
    assert.equal(headers[0]?.['x-csrf-token'], 'csrf');
    const file = join(server.home, '.config', 'mooring', 'login.json');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.ok(!(await readFile(file, 'utf8')).includes('right'), 'the password is not kept');

    await server.run(['list'], { anonymous: true });
    assert.equal(headers[1]?.authorization, 'Bearer made');
    const out = await server.run(['logout'], { anonymous: true });
    assert.match(out.out, /Logged out/);
    assert.equal(server.calls.at(-1)?.params.id, 't1');
    await assert.rejects(stat(file));
  });

  it('the first log-in sets a new password', async () => {
    const me = { user: 'admin', administrator: true, mustChangePassword: true, teams: [], csrfToken: 'c' };
    await using server = await standIn({
      login: () => me,
      changePassword: () => undefined,
      createToken: () => ({
        id: 't',
        name: '',
        createdAt: '',
        lastUsedAt: null,
        expiresAt: null,
        token: 'x',
      }),
      logout: () => undefined,
    });
    const argv = ['login', server.url, '--user', 'admin', '--password-stdin'];
    const one = await server.run(argv, { stdin: 'first\n', anonymous: true });
    assert.equal(one.code, 3);
    assert.match(one.err, /second line/);
    assert.equal((await server.run(argv, { stdin: 'first\nanother one\n', anonymous: true })).code, 0);
    const change = server.calls.find((call) => call.name === 'changePassword');
    assert.deepEqual(change?.body, { currentPassword: 'first', newPassword: 'another one' });
  });
});

describe('other commands', () => {
  it('get shows the cluster, and --json has sentences but no password', async () => {
    await using server = await standIn(working());
    const page = await server.run(['get', 'orders']);
    assert.match(page.out, /orders {2}ready\n {2}orders is ready: 1 of 1 standbys follow/);
    assert.match(page.out, /orders-2 {2}standby {2}open/);
    const { out } = await server.run(['get', 'orders', '--json']);
    const said = JSON.parse(out);
    assert.deepEqual(said.explain, cluster().explain);
    assert.equal(said.instances[1].state, 'open');
    assert.deepEqual(said.account, { user: 'orders', database: 'orders' });
    assert.ok(!out.includes('sEcret'));
  });

  it('delete without a terminal wants --yes, and then types the name', async () => {
    await using server = await standIn(working());
    const refused = await server.run(['delete', 'orders']);
    assert.equal(refused.code, 2);
    assert.match(refused.err, /moor delete orders --yes/);
    assert.equal(server.calls.length, 0);
    const { code, out } = await server.run(['delete', 'orders', '--yes', '--purge']);
    assert.equal(code, 0);
    assert.match(out, /orders is gone/);
    assert.deepEqual(server.calls[0]?.body, { confirm: 'orders', purge: true });
  });

  it('restart and undelete follow their operation', async () => {
    await using server = await standIn(working());
    assert.match((await server.run(['restart', 'orders', 'orders-2'])).out, /orders-2 is restarted/);
    assert.match((await server.run(['undelete', 'orders'])).out, /orders is back/);
  });

  it('events are oldest first', async () => {
    await using server = await standIn(working());
    const { out } = await server.run(['events', 'orders']);
    assert.match(out, /first\n.*second/);
    assert.match(out, /orders-1: first/);
  });

  it('list cuts a long sentence at the edge of a terminal and nowhere else', async () => {
    await using server = await standIn({ listClusters: () => [cluster({ explain: ['x'.repeat(200)] })] });
    const wide = await server.run(['list']);
    assert.ok(wide.out.includes('x'.repeat(200)));
    const { out } = await server.run(['list'], { tty: true, env: { NO_COLOR: '1' } });
    assert.ok(out.split('\n').every((line) => line.length <= 60));
  });

  it('list --deleted shows only what is deleted', async () => {
    const gone = cluster({ name: 'gone', state: 'deleted', deletedAt: '2026-01-01T00:00:00Z' });
    await using server = await standIn({ listClusters: () => [cluster(), gone] });
    const { out } = await server.run(['list', '--deleted', '--json']);
    assert.deepEqual(
      (JSON.parse(out) as { name: string }[]).map((c) => c.name),
      ['gone'],
    );
  });

  it('operations shows one with its plan when given an id', async () => {
    await using server = await standIn({ ...working(), getOperation: () => operation() });
    const one = await server.run(['operations', operation().id]);
    assert.match(one.out, /✔ Choose hosts/);
    const list = await server.run(['operations', 'orders']);
    assert.match(list.out, /create {2}orders/);
    assert.equal(server.calls.at(-1)?.query.get('cluster'), 'orders');
  });

  it('connect hands the password to the client by a file, never by its arguments', async () => {
    await using server = await standIn(working());
    const bin = join(server.home, 'bin');
    const seen = join(server.home, 'seen');
    await mkdir(bin);
    const script = `#!/bin/sh\n{ echo "$@"; cat "\${1#--defaults-file=}"; stat -c %a "\${1#--defaults-file=}"; } > ${seen}\n`;
    await writeFile(join(bin, 'mysql'), script, { mode: 0o755 });
    server.handlers.getAccount = () => ({ ...account, clientDirectory: bin });
    assert.equal((await server.run(['connect', 'orders', '--', '-e', 'select 1'])).code, 0);
    const [args = '', ...file] = (await readFile(seen, 'utf8')).split('\n');
    assert.match(args, /--database=orders -e select 1$/);
    assert.ok(!args.includes('sEcret'));
    assert.ok(file.includes('password="sEcret"'));
    assert.ok(file.includes('600'));
  });

  it('connect --print prints the address and nothing else', async () => {
    await using server = await standIn(working());
    const { out } = await server.run(['connect', 'orders', '--read-only', '--print']);
    assert.equal(out, 'mysql://orders:sEcret@127.0.0.1:21001/orders\n');
  });

  it('connect says what to do when the client is not here', async () => {
    await using server = await standIn(working());
    const { code, err } = await server.run(['connect', 'orders'], { env: { PATH: '/nowhere' } });
    assert.equal(code, 3);
    assert.match(err, /moor connect orders --print/);
  });
});
