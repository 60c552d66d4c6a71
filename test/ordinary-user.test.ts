/** The whole platform without root: everything runs as the user who starts it, in that user's directories. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { query } from './support/databases.ts';
import { type TestDirectory, testDirectory } from './support/directories.ts';
import { directoryOf, type OrdinaryUser, ordinaryUser, runMoorAs } from './support/ordinary-user.ts';
import { type CliResult, type Created, processesOf } from './support/platform.ts';

const user = ordinaryUser();

describe('an ordinary user', { skip: 'missing' in user ? user.missing : false }, () => {
  const { uid } = user as OrdinaryUser;
  let directory: TestDirectory;
  let home: string;
  let data: string;
  let environment: Record<string, string>;
  before(async () => {
    directory = await testDirectory();
    home = await directoryOf(user as OrdinaryUser, join(directory.path, 'home'));
    data = join(home, '.local/share/mooring');
    const temporary = await directoryOf(user as OrdinaryUser, join(directory.path, 'tmp'));
    environment = { HOME: home, TMPDIR: temporary, XDG_DATA_HOME: '', XDG_CONFIG_HOME: '', MOORING_DATA: '' };
  });
  after(async () => {
    await moor('down');
    const left = processesOf(directory.path);
    for (const { pid } of left) process.kill(pid, 'SIGKILL');
    await directory[Symbol.asyncDispose]();
    assert.deepEqual(left, [], 'nothing is left running after down');
  });

  const moor = (...args: string[]): Promise<CliResult> => runMoorAs(user as OrdinaryUser, args, environment);

  it('starts the platform, creates clusters of both engines, connects, and takes all down', async () => {
    const up = await moor('up', '--detach', '--port', '0', '--json');
    assert.equal(up.code, 0, up.stderr);
    assert.equal(JSON.parse(up.stdout).dataDirectory, data, 'the default data directory of XDG');

    for (const [engine, program] of [
      ['postgres', 'psql'],
      ['mysql', 'mysql'],
    ] as const) {
      const made = await moor('create', engine, `my-${engine}`, '--topology', 'single', '--json');
      assert.equal(made.code, 0, made.stderr);
      const created = JSON.parse(made.stdout) as Created;
      await query(created, created.endpoints.readWrite, 'create table t as select 42 as id');
      const select = engine === 'mysql' ? ['-e', 'select id from t'] : ['-c', 'select id from t'];
      const connected = await moor('connect', `my-${engine}`, '--', ...select);
      assert.equal(connected.code, 0, `${program}: ${connected.stderr}`);
      assert.match(connected.stdout, /\b42\b/);
    }
    for (const { pid, command } of processesOf(data)) {
      assert.equal(statSync(`/proc/${pid}`).uid, uid, `${command} runs as the user`);
    }

    const down = await moor('down');
    assert.equal(down.code, 0, down.stderr);
    assert.deepEqual(processesOf(data), []);
    const again = await moor('up', '--detach', '--port', '0');
    assert.equal(again.code, 0, again.stderr);
    assert.match((await moor('status')).stdout, /my-mysql/);
  });

  it('wrote nothing outside the data directory, and nothing that others can read', () => {
    assert.deepEqual(readdirSync(home), ['.local']);
    assert.deepEqual(readdirSync(join(home, '.local/share')), ['mooring']);
    assert.deepEqual(readdirSync(join(directory.path, 'tmp')), []);
    assert.equal(statSync(data).mode & 0o077, 0, 'the data directory is private');
    assert.deepEqual(openFilesOutside(data), []);
  });
});

/** Files that processes of the platform have open for writing anywhere else. */
function openFilesOutside(data: string): string[] {
  return processesOf(data).flatMap(({ pid }) =>
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1];
        const writable = (Number.parseInt(flags ?? '0', 8) & 0o3) !== 0;
        const path = readlinkSync(`/proc/${pid}/fd/${fd}`);
        const elsewhere = path.startsWith('/') && !path.startsWith(data) && !/^\/(dev|proc|memfd)/.test(path);
        return writable && elsewhere && !path.endsWith(' (deleted)') ? [path] : [];
      } catch {
        return []; // closed while we looked
      }
    }),
  );
}
