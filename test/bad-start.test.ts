/**
 * Starts that cannot succeed, in the order in which one directory meets them: each says what is wrong
 * and what to do, leaves nothing running, and does not keep the next start from working.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { hostPack } from '../src/packs/host.ts';
import { query } from './support/databases.ts';
import { type TestDirectory, testDirectory } from './support/directories.ts';
import { refused, send } from './support/http.ts';
import { directoryOf, ordinaryUser, runMoorAs } from './support/ordinary-user.ts';
import { testPack } from './support/packs.ts';
import { type CliResult, Platform, processesOf, runMoor } from './support/platform.ts';
import { inStore } from './support/store-of.ts';

/** Nobody listens there. */
const noNetwork = { MOORING_DEBIAN_MIRROR: 'http://127.0.0.1:9', http_proxy: '', HTTP_PROXY: '' };

describe('a start that cannot succeed', () => {
  let directory: TestDirectory;
  let platform: Platform;
  let data: string;
  before(async () => {
    directory = await testDirectory();
    data = join(directory.path, 'data');
    platform = new Platform(data, ['--port', '0', '--zones', '1'], async () =>
      directory[Symbol.asyncDispose](),
    );
  });
  after(() => platform[Symbol.asyncDispose]());

  const up = (environment: Record<string, string> = {}, ...more: string[]): Promise<CliResult> =>
    runMoor(['up', '--data', data, '--port', '0', ...more], environment);

  /** Failed with this code and these words; nothing runs and nobody holds the directory. */
  const failed = (result: CliResult, code: number, ...says: RegExp[]) => {
    assert.equal(result.code, code, `${result.stdout}${result.stderr}`);
    for (const each of says) assert.match(result.stderr, each);
    assert.doesNotMatch(result.stderr, /\n\s+at .*:\d+|unexpected/i);
    assert.deepEqual(processesOf(data), [], 'nothing was left running');
    assert.equal(existsSync(join(data, 'platform.lock')), false);
  };

  it('where nothing was started: down has nothing to do, status and others say how to start', async () => {
    const down = await runMoor(['down', '--data', data]);
    assert.equal(down.code, 0);
    assert.match(down.stdout, /Nothing runs with the data directory/);
    const status = await runMoor(['status', '--data', data]);
    assert.equal(status.code, 1);
    assert.match(status.stdout, /No platform has been started in .*\n.*moor up/);
    const json = await runMoor(['status', '--data', data, '--json']);
    assert.deepEqual([json.code, JSON.parse(json.stdout).running], [1, false]);
    failed(await runMoor(['list', '--data', data]), 1, /No platform that you may use/, /moor up --data/);
    assert.equal(existsSync(data), false, 'looking makes no directory');
  });

  it('without a network it says what is missing and how to supply it', async (t) => {
    if ((await hostPack('postgres', '17', directory.path)) !== undefined) {
      return t.skip('this machine has PostgreSQL 17 of its own');
    }
    const environment = { ...noNetwork, MOORING_PACKS: '' };
    const says = [
      /PostgreSQL 17 could not be fetched\. Missing: .*Kept: .*Reason: .*127\.0\.0\.1:9/,
      /MOORING_DEBIAN_MIRROR=http:\/\/your-mirror\/debian/,
      /Copy the directory postgres-17 .*MOORING_PACKS=\/srv\/packs/,
    ];
    failed(await up(environment), 1, ...says);
    failed(await up(environment, '--detach'), 1, ...says);
    assert.deepEqual(visible(join(data, 'packs')), []);
    assert.equal(existsSync(join(data, 'store', 'data')), false);
  });

  it('without MySQL it starts, and creating a MySQL cluster says how to supply it', async () => {
    const packs = join(directory.path, 'packs');
    mkdirSync(packs, { mode: 0o755 });
    symlinkSync(testPack('postgres').root, join(packs, 'postgres-17'));
    await platform.start({ ...noNetwork, MOORING_PACKS: packs });
    const result = await platform.cli('create', 'mysql', 'orders', '--topology', 'single');
    refusedTo(result, 1, /MySQL 9\.7 could not be fetched/, /MOORING_PACKS=\/srv\/packs/);
    assert.deepEqual(await platform.json('list'), []);
    assert.deepEqual(visible(join(data, 'instances')), []);
    assert.equal((await platform.cli('down')).code, 0);
    assert.deepEqual(processesOf(data), []);
  });

  it('the same directory starts as soon as the packs are there', async () => {
    await platform.start();
    const status = await platform.cli('status');
    assert.equal(status.code, 0, status.stderr);
    assert.match(status.stdout, /No clusters yet: moor create mysql orders/);
  });

  it('one zone carries no standbys: catalogue, API and CLI give the reason, and single works', async () => {
    const reason =
      /1\+1 spreads 2 instances with at most 1 per zone.*here are 1 zone with 2 hosts, which can carry single/;
    const { topologies } = await platform.api.call('catalogue');
    assert.deepEqual(
      topologies.map(({ topology, possible }) => [topology, possible]),
      [
        ['single', true],
        ['1+1', false],
        ['1+2', false],
        ['1+3', false],
      ],
    );
    assert.match(topologies[1]?.reason ?? '', reason);
    const reply = await send(platform.url, 'POST', '/api/v1/clusters', {
      headers: { authorization: `Bearer ${platform.cliToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ engine: 'mysql', name: 'orders', topology: '1+1' }),
    });
    refused(reply, 422, 'refused', reason);
    refusedTo(await platform.cli('create', 'mysql', 'orders', '--topology', '1+1'), 3, reason, /more zones/);

    const created = await platform.create('postgres', 'orders', 'single');
    assert.deepEqual(await query(created, created.endpoints.readWrite, 'select 1'), [['1']]);
  });

  it('a second platform on the same directory is told who runs there, and the first goes on', async () => {
    const says = new RegExp(
      `is in use: another platform runs as process ${platform.pid} and serves ${platform.url}`,
    );
    for (const more of [[], ['--detach']]) {
      const result = await up({}, ...more);
      refusedTo(result, 3, says, /moor down.*--data DIR --port N/);
    }
    assert.equal((await platform.cluster('orders')).state, 'ready');
  });

  it('down stops everything, and what is asked then says that the platform does not run', async () => {
    assert.equal((await platform.cli('down')).code, 0);
    assert.deepEqual(processesOf(data), []);
    const status = await platform.cli('status');
    assert.equal(status.code, 1);
    assert.match(status.stdout, /does not run .*\n.*moor up/);
    failed(await platform.cli('list'), 1, /./, /moor up|moor status/);
    const again = await platform.cli('down');
    assert.deepEqual([again.code, /Nothing runs/.test(again.stdout)], [0, true]);
  });

  it('a port that another program holds is named, and the start leaves nothing behind', async () => {
    await using holder = await listening();
    const result = await runMoor(['up', '--data', data, '--port', String(holder.port)]);
    failed(result, 3, new RegExp(`Port ${holder.port} of 127.0.0.1 is taken`), /ss -ltnp.*moor up --port/s);
    const address = await runMoor(['up', '--data', data, '--port', '0', '--host', '203.0.113.7']);
    failed(address, 3, /Cannot listen on 203\.0\.113\.7/, /--host/);
  });

  it('a directory that a newer Mooring wrote, or that is damaged, is left as it is', async () => {
    const file = join(data, 'platform.json');
    const text = readFileSync(file, 'utf8');
    for (const [written, says] of [
      [
        JSON.stringify({ ...JSON.parse(text), dataFormat: 99, version: '9.9.9' }),
        /written by Mooring 9\.9\.9, which is newer.*data format 99/,
      ],
      [text.slice(0, 40), /platform\.json is damaged/],
    ] as const) {
      writeFileSync(file, written);
      failed(await up(), 3, says, /Nothing was changed/);
      assert.equal(readFileSync(file, 'utf8'), written);
    }
    writeFileSync(file, text);
  });

  it('a place that cannot be a data directory is refused', async (t) => {
    const file = join(directory.path, 'file');
    writeFileSync(file, '');
    const result = await runMoor(['up', '--data', file]);
    refusedTo(result, 3, /is not a directory/, /--data DIR/);
    const inProc = await runMoor(['up', '--data', '/proc/mooring', '--detach']);
    refusedTo(inProc, 3, /\/proc\/mooring is not writable/, /--data DIR or MOORING_DATA/);

    const user = ordinaryUser();
    if ('missing' in user) return t.diagnostic(`as an ordinary user: ${user.missing}`);
    const theirs = await runMoorAs(user, ['up', '--data', data]);
    refusedTo(theirs, 3, /belongs to user 0/, /--data DIR/);
    const below = await runMoorAs(user, ['up', '--data', join(directory.path, 'theirs'), '--detach']);
    refusedTo(below, 3, /is not writable for user nobody: EACCES/, /chown nobody/);
    const home = await directoryOf(user, join(directory.path, 'home'));
    const asOther = await runMoorAs(user, ['up', '--data', join(home, 'data'), '--run-as', 'mooring']);
    refusedTo(asOther, 3, /Only root can run databases as another account/, /Leave out --run-as/);
  });

  it('the doctor says in JSON what is wrong and what to do', async () => {
    await using holder = await listening();
    const { code, stdout } = await runMoor([
      'doctor',
      '--json',
      '--data',
      data,
      '--port',
      String(holder.port),
    ]);
    const { verdict, checks } = JSON.parse(stdout) as {
      verdict: string;
      checks: { name: string; verdict: string; finding: string; advice?: string }[];
    };
    assert.deepEqual([code, verdict], [1, 'problem']);
    assert(checks.length >= 8);
    for (const check of checks) assert.equal(check.advice === undefined, check.verdict === 'ok', check.name);
    const port = checks.find(({ finding }) => finding.includes(`Port ${holder.port} is taken`));
    assert.match(port?.advice ?? '', /moor up --port/);
    const text = await runMoor(['doctor', '--data', data, '--port', String(holder.port)]);
    assert.match(text.stdout, /problem .*is taken by another program.*\n.*moor up --port N/);
  });

  it('a store that a newer Mooring wrote is refused; the older data serves again afterwards', async () => {
    await platform.start();
    await platform.untilReady('orders');
    await inStore(platform, "insert into schema_migrations values (9999, '9999_future.sql', 'x')");
    assert.equal((await platform.cli('down', '--keep-databases')).code, 0);
    const result = await up();
    assert.equal(result.code, 3, result.stderr);
    assert.match(result.stderr, /written by a newer Mooring \(it has 9999_future\.sql\).*\n.*newer version/);
    await inStore(platform, 'delete from schema_migrations where number = 9999');
    await platform.start();
    await platform.untilReady('orders');
  });
});

/** Failed with this code and these words, beside a platform that runs. */
function refusedTo(result: CliResult, code: number, ...says: RegExp[]): void {
  assert.equal(result.code, code, `${result.stdout}${result.stderr}`);
  for (const each of says) assert.match(result.stderr, each);
  assert.doesNotMatch(result.stderr, /\n\s+at .*:\d+|unexpected/i);
}

function visible(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).filter((name) => !name.startsWith('.')) : [];
}

async function listening(): Promise<AsyncDisposable & { port: number }> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
