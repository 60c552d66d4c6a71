/**
 * An instance's volume: a directory, copied from a template, complete once it has its final name.
 *
 * `cp` does the copying as the account (links and owners cannot fool root), with reflinks where the
 * file system has them and holes kept. Measured on ext4: 154 MB in 20 ms, four at once in 70 ms. Each
 * copy has a name of its own, so that a `cp` which outlived a killed platform can never write into
 * the copy that replaced it.
 *
 * A copied file is in memory first. Waiting for the disk at once would cost the start of every
 * cluster; not waiting at all could lose, in a power cut, pages of a database that has acknowledged
 * transactions since. So it is flushed in the background while the server starts, and the cluster's
 * endpoints open only when the flush is done (see `ensureForwarder`). A spare (spares.ts) was flushed
 * when it was made.
 */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PlatformError } from '../../lib/errors.ts';
import { newId } from '../../lib/ids.ts';
import { syncDirectory, writeFileAtomic } from '../../os/files.ts';
import { ensureDirectory, type Layout, type RunAs } from './layout.ts';
import { findWorkingIn, killTrees } from './processes.ts';
import { runProgram } from './programs.ts';
import type { Spares, SpareTemplate } from './spares.ts';
import { diskFull, exists, freeBytes, spareBytes } from './templates.ts';

type InstancePaths = ReturnType<Layout['instance']>;

const copyDeadlineMs = 600_000;

/** From a spare, else by copying the template. Does nothing where a complete volume is. */
export async function makeVolume(
  paths: InstancePaths,
  template: SpareTemplate,
  spares: Spares,
  account: RunAs | null,
): Promise<void> {
  if (await exists(paths.volume)) return;
  await removePartials(paths.home, account);
  if ((await freeBytes(paths.home)) < spareBytes) throw diskFull('make a volume');

  const partial = join(paths.home, `volume.partial.${newId()}`);
  await ensureDirectory(partial, account);
  try {
    const data = join(partial, 'data');
    const isSpare = await spares.take(template, data);
    if (!isSpare) {
      const result = await runProgram(
        'cp',
        ['-a', '--reflink=auto', '--sparse=auto', '--', template.directory, data],
        { account, cwd: partial, deadlineMs: copyDeadlineMs },
      );
      if (result.code !== 0) throw copyFailed(result);
    }
    await rename(partial, paths.volume);
    if (!isSpare) return;
    // Its files were flushed when it was made; what is new are the names on the way to it.
    await syncDirectory(paths.volume);
    await syncDirectory(paths.home);
    await writeFileAtomic(paths.volumeSynced, '', { owner: account });
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

async function removePartials(home: string, account: RunAs | null): Promise<void> {
  for (const entry of await readdir(home)) {
    if (!entry.startsWith('volume.partial.')) continue;
    const path = join(home, entry);
    await killTrees(findWorkingIn(path, account), 'a copy of an earlier start');
    await rm(path, { recursive: true, force: true });
  }
}

function copyFailed(result: { code: number | null; signal: string | null; stderr: string }): PlatformError {
  if (/no space left|disk quota exceeded/i.test(result.stderr)) return diskFull('make a volume');
  const last = result.stderr.split('\n').at(-1) ?? '';
  return new PlatformError('unavailable', `The volume could not be copied from the template: ${last}`, {
    hint: 'Check the host with: moor doctor',
    context: { ...result },
  });
}
