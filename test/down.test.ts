/** Taking a platform down, in every way in which that happens, and starting it again. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { query } from './support/databases.ts';
import { type Created, type Platform, processesOf, startPlatform } from './support/platform.ts';

describe('taking the platform down', () => {
  let platform: Platform;
  let created: Created;
  before(async () => {
    platform = await startPlatform();
    created = await platform.create('postgres', 'ledger', '1+1');
    await query(created, created.endpoints.readWrite, 'create table t (id int primary key)');
  });
  after(() => platform[Symbol.asyncDispose]());

  const servesAgain = async (row: number) => {
    await platform.untilReady('ledger');
    await query(created, created.endpoints.readWrite, `insert into t values (${row})`);
  };

  it('stops platform and databases, and the next start brings them back without a crash', async () => {
    assert.equal((await platform.cli('down')).code, 0);
    assert.deepEqual(processesOf(platform.dataDirectory), []);
    await platform.start();
    await servesAgain(1);
    const { instances } = await platform.cluster('ledger');
    assert.deepEqual(
      instances.map((instance) => instance.unplannedRestarts),
      [0, 0],
    );
  });

  it('stops the databases of a platform that was killed', async () => {
    await platform.kill();
    assert.equal((await platform.cli('down')).code, 0);
    assert.deepEqual(processesOf(platform.dataDirectory), []);
    await platform.start();
    await servesAgain(2);
  });

  it('leaves the databases serving when told so, and a start at another port finds them', async () => {
    // Agents and servers; what a server starts for a client comes and goes.
    const pids = async () => [
      ...platform
        .instanceProcesses()
        .flatMap(({ pid, command }) => (/\/programs\//.test(command) ? [pid] : [])),
      ...(await platform.cluster('ledger')).instances.map(({ pid }) => pid),
    ];
    const before = await pids();
    assert.equal(before.length, 4);
    assert.equal((await platform.cli('down', '--keep-databases')).code, 0);
    await query(created, created.endpoints.readWrite, 'insert into t values (3)');
    const other = Number(new URL(platform.url).port) + 1;
    platform.options.splice(0, 2, '--port', String(other));
    await platform.start();
    await servesAgain(4);
    assert.deepEqual(await pids(), before, 'agents and servers were adopted');
  });

  it('says that nothing runs where nothing runs', async () => {
    assert.equal((await platform.cli('down')).code, 0);
    const again = await platform.cli('down');
    assert.equal(again.code, 0);
    assert.match(again.stdout, /Nothing runs/);
    await platform.start();
    await servesAgain(5);
  });

  it('tells in its health that store and controller work', async () => {
    const { store, controller } = await platform.api.call('health');
    assert.deepEqual({ store, controller }, { store: 'ok', controller: 'ok' });
  });
});
