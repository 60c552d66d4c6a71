/** A platform on a small disk of its own: what happens when the disk fills up, and when it has room again. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { PlatformError } from '../src/lib/errors.ts';
import { until } from '../src/lib/wait.ts';
import { openDatabase, query } from './support/databases.ts';
import { type TestDirectory, testDirectory } from './support/directories.ts';
import { submitCreate, untilStep } from './support/operations.ts';
import { type Created, type Platform, startPlatformIn } from './support/platform.ts';

const mebibyte = 1024 ** 2;
const root = process.getuid?.() === 0;
/** A volume counts as full below 64 MiB of free space, and as having room above 128 MiB. */
const almostFull = 40 * mebibyte;

describe('a full disk', { skip: root ? false : 'only root can mount a small file system' }, () => {
  let directory: TestDirectory;
  let mounted: string;
  let filling: string;
  let platform: Platform;

  before(async () => {
    directory = await testDirectory();
    const image = join(directory.path, 'image');
    mounted = join(directory.path, 'disk');
    filling = join(mounted, 'filling');
    writeFileSync(image, '');
    execFileSync('truncate', ['-s', '4G', image]);
    execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', image]);
    mkdirSync(mounted);
    execFileSync('mount', ['-o', 'loop', image, mounted]);
    chmodSync(mounted, 0o711);
    platform = await startPlatformIn(join(mounted, 'data'));
  });
  after(async () => {
    makeRoom();
    await platform?.[Symbol.asyncDispose]();
    execFileSync('umount', [mounted]);
    await directory[Symbol.asyncDispose]();
  });

  afterEach(() => makeRoom());

  const freeBytes = () => {
    const { bavail, bsize } = statfsSync(mounted);
    return bavail * bsize;
  };
  const fill = (leave: number) => {
    const slack = 8 * mebibyte;
    execFileSync('fallocate', ['-l', String(Math.max(1, freeBytes() - Math.max(leave, slack))), filling]);
    // What others write meanwhile counts too, so that the last bytes are taken until there are none.
    if (leave === 0) spawnSync('dd', ['if=/dev/zero', `of=${filling}.rest`, 'bs=4k']);
  };
  const makeRoom = () => {
    for (const path of [filling, `${filling}.rest`]) rmSync(path, { force: true });
  };
  const instances = () =>
    readdirSync(join(platform.dataDirectory, 'instances')).filter((name) => !name.startsWith('.'));

  it('refuses a create at once, and says what is missing and what to do', async () => {
    fill(almostFull);
    const { code, stderr } = await platform.cli('create', 'postgres', 'early', '--topology', 'single');
    assert.equal(code, 3, stderr);
    assert.match(stderr, /needs 1 GiB of disk and 0\.\d GiB are free/);
    assert.match(stderr, /Purge a deleted cluster/);
    makeRoom();
  });

  for (const leave of [almostFull, 0]) {
    const how = leave === 0 ? 'to the last byte' : 'nearly';
    it(`fails a create under way (filled ${how}), cleans up, and the name works when there is room`, async () => {
      // Without its template the volumes take long enough for the disk to fill meanwhile.
      for (const name of readdirSync(join(platform.dataDirectory, 'templates'))) {
        rmSync(join(platform.dataDirectory, 'templates', name), { recursive: true });
      }
      const { operation } = await submitCreate(platform, 'mysql', 'late', 'single');
      await untilStep(platform, operation.id, 'volumes');
      fill(leave);
      const ended = await until(
        'the create to end',
        async () => {
          const now = await platform.api.call('getOperation', { params: { id: operation.id } });
          return now.finishedAt === null ? undefined : now;
        },
        { deadlineMs: 30_000, everyMs: 50 },
      );
      assert.equal(ended.state, 'failed');
      assert.match(ended.error?.message ?? '', /disk is (too )?full/);
      assert.match(ended.error?.hint ?? '', /Free disk space/);
      await assert.rejects(platform.cluster('late'), /no cluster/i);
      assert.deepEqual(instances(), []);

      makeRoom();
      await platform.create('mysql', 'late', 'single');
      const purged = await platform.cli('delete', 'late', '--yes', '--purge');
      assert.equal(purged.code, 0, purged.stderr);
    });
  }

  for (const engine of ['postgres', 'mysql'] as const) {
    it(`makes a cluster refuse writes and go on reading; with room it writes again: ${engine}`, async () => {
      const created: Created = await platform.create(engine, `${engine}-full`, 'single');
      const { readWrite } = created.endpoints;
      await query(created, readWrite, 'create table t (id int primary key)');
      await query(created, readWrite, 'insert into t values (1)');
      await using open = await openDatabase(created, readWrite);
      fill(almostFull);
      const full = await platform.untilCluster(created.name, 'refusing writes', (cluster) =>
        cluster.instances.every((instance) => !instance.writable),
      );
      assert.equal(full.state, 'unavailable');
      assert.match(full.explain.join('\n'), /does not take writes now; reads go on/);
      assert.match(full.explain.join('\n'), /the disk under its volume is full .*until space is freed/);
      const insert = 'insert into t values (2)';
      await assert.rejects(query(created, readWrite, insert), /read.only/i);
      await assert.rejects(open.query(insert), /read.only/i);
      assert.deepEqual(await query(created, readWrite, 'select count(*) from t'), [['1']]);

      makeRoom();
      await until('a write', () => open.query(insert), { deadlineMs: 30_000, everyMs: 50 });
      await platform.untilReady(created.name);
      assert.deepEqual(await query(created, readWrite, 'select count(*) from t'), [['2']]);
      const purged = await platform.cli('delete', created.name, '--yes', '--purge');
      assert.equal(purged.code, 0, purged.stderr);
    });
  }

  it('does not end the platform: calls are answered with what is wrong, and it goes on with room', async () => {
    fill(0);
    const answers: string[] = [];
    await until(
      'the store to need space that is not there',
      async () => {
        try {
          await platform.api.call('createTeam', { body: { name: `team-${answers.length}` } });
          answers.push('created');
        } catch (error) {
          assert(error instanceof PlatformError, String(error));
          answers.push(`${error.kind}: ${error.publicMessage}; ${error.hint}`);
        }
        return answers.at(-1) !== 'created' || answers.length > 500;
      },
      { deadlineMs: 30_000, everyMs: 1, maxEveryMs: 2 },
    );
    assert.match(answers.at(-1) ?? '', /^unavailable: .*store/);
    makeRoom();
    await platform.create('postgres', 'after', 'single');
  });
});
