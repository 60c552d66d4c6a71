import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { testDirectory } from '../../../test/support/directories.ts';
import { silentLog } from '../../lib/log.ts';
import { until } from '../../lib/wait.ts';
import { openSpares } from './spares.ts';

async function place() {
  const directory = await testDirectory();
  const template = { name: 'engine-1', directory: join(directory.path, 'template') };
  await mkdir(template.directory);
  await writeFile(join(template.directory, 'page'), 'content');
  const spares = join(directory.path, 'spares');
  const options = { directory: spares, account: null, log: silentLog, count: 2, quietMs: 10 };
  const made = async () => {
    const names = await readdir(join(spares, template.name)).catch(() => []);
    return names.filter((name) => !name.endsWith('.partial'));
  };
  const filled = () => until('two spares', async () => (await made()).length === 2, { deadlineMs: 10_000 });
  return {
    directory,
    template,
    options,
    made,
    filled,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

describe('spare volumes', () => {
  it('are copies of the template, each handed out once, and are replaced', async () => {
    await using at = await place();
    await using spares = await openSpares(at.options);
    assert.equal(await spares.take(at.template, join(at.directory.path, 'none')), false);
    await at.filled();
    const before = await at.made();
    assert.equal(await spares.take(at.template, join(at.directory.path, 'taken')), true);
    assert.equal(await readFile(join(at.directory.path, 'taken', 'page'), 'utf8'), 'content');
    await at.filled();
    assert.notDeepEqual(await at.made(), before);
  });

  it('are never given to two who ask at the same moment', async () => {
    await using at = await place();
    await using spares = await openSpares({ ...at.options, quietMs: 60_000 });
    {
      await using filler = await openSpares(at.options);
      filler.want(at.template);
      await at.filled();
    }
    const targets = [1, 2, 3, 4].map((n) => join(at.directory.path, `taken-${n}`));
    const taken = await Promise.all(targets.map((target) => spares.take(at.template, target)));
    assert.equal(taken.filter(Boolean).length, 2);
  });

  it('that a killed platform has left half-made are thrown away', async () => {
    await using at = await place();
    await mkdir(join(at.options.directory, 'engine-1', 'x.partial'), { recursive: true });
    await using spares = await openSpares(at.options);
    assert.equal(await spares.take(at.template, join(at.directory.path, 'taken')), false);
    assert.deepEqual(await readdir(join(at.options.directory, 'engine-1')), []);
  });
});
