/**
 * Spare volumes: copies of a template that are made, and flushed to the disk, before anybody asks.
 *
 * A cluster that is being created takes a spare by renaming it, which is immediate, where copying and
 * flushing take as long as the disk does. Spares are replaced when nobody has taken one for a while,
 * so that the copying does not compete with the start of the servers that it was for. Without a spare
 * everything works as well, by copying.
 */
import { mkdir, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, messageOf } from '../../lib/errors.ts';
import { newId } from '../../lib/ids.ts';
import type { Log } from '../../lib/log.ts';
import { ensureDirectory, type RunAs } from './layout.ts';
import { findWorkingIn, killTrees } from './processes.ts';
import { runProgram } from './programs.ts';
import { chownTo, syncFileSystem } from './templates.ts';

export type Spares = AsyncDisposable & {
  /** Moves a spare of this template to `target`, which must not exist; false when there is none. */
  take(template: SpareTemplate, target: string): Promise<boolean>;
  /** Says that spares of this template are wanted. */
  want(template: SpareTemplate): void;
};

export type SpareTemplate = { name: string; directory: string };

export type SparesOptions = {
  directory: string;
  account: RunAs | null;
  log: Log;
  /** Of each template; the largest topology takes four at once. */
  count?: number;
  /** How long nobody must have taken one before copying begins. */
  quietMs?: number;
};

/** Spares are a convenience: a disk that has less than this is left alone. */
const leaveFreeBytes = 4 * 1024 ** 3;
const copyDeadlineMs = 120_000;

export async function openSpares(options: SparesOptions): Promise<Spares> {
  const { directory, account, log } = options;
  const count = options.count ?? 4;
  const quietMs = options.quietMs ?? 3_000;
  const wanted = new Map<string, SpareTemplate>();
  const closing = new AbortController();
  /** A disk that hangs must not keep the platform from ending. */
  const closed = new Promise<void>((resolve) => {
    closing.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  let timer: NodeJS.Timeout | undefined;
  let filling: Promise<void> | undefined;

  await ensureDirectory(directory, account);
  await removePartials(directory, account).catch((error) =>
    log.warn({ problem: messageOf(error) }, 'half-made spare volumes are left'),
  );

  function schedule(): void {
    if (closing.signal.aborted) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      filling ??= fill()
        .catch((error) => {
          if (!closing.signal.aborted) log.warn({ problem: messageOf(error) }, 'no spare volume was made');
        })
        .finally(() => {
          filling = undefined;
        });
    }, quietMs);
    timer.unref();
  }

  async function fill(): Promise<void> {
    for (const template of wanted.values()) {
      const place = join(directory, template.name);
      await mkdir(place, { recursive: true, mode: 0o700 });
      await chownTo(place, account);
      while ((await ready(place)).length < count) {
        closing.signal.throwIfAborted();
        const { bavail, bsize } = await statfs(place);
        if (bavail * bsize < leaveFreeBytes) return;
        await make(template, place);
      }
    }
  }

  async function make(template: SpareTemplate, place: string): Promise<void> {
    const id = newId();
    const partial = join(place, `${id}.partial`);
    try {
      const copy = ['cp', '-a', '--reflink=auto', '--sparse=auto', '--', template.directory, partial];
      const result = await runProgram('nice', ['-n', '19', ...copy], {
        account,
        cwd: place,
        deadlineMs: copyDeadlineMs,
        signal: closing.signal,
      });
      if (result.code !== 0)
        throw new Error(result.stderr || `cp ended with ${result.code ?? result.signal}`);
      await Promise.race([syncFileSystem(partial), closed]);
      closing.signal.throwIfAborted();
      await rename(partial, join(place, id));
    } catch (error) {
      await rm(partial, { recursive: true, force: true });
      throw error;
    }
  }

  return {
    async take(template, target) {
      wanted.set(template.name, template);
      schedule();
      const place = join(directory, template.name);
      for (const id of await ready(place)) {
        try {
          await rename(join(place, id), target);
          return true;
        } catch (error) {
          // Somebody else was quicker.
          if (codeOf(error) !== 'ENOENT') throw error;
        }
      }
      return false;
    },
    want(template) {
      wanted.set(template.name, template);
      schedule();
    },
    async [Symbol.asyncDispose]() {
      closing.abort(new Error('the runtime is closed'));
      clearTimeout(timer);
      await filling;
    },
  };
}

/** Names of the complete spares. */
async function ready(place: string): Promise<string[]> {
  try {
    return (await readdir(place)).filter((name) => !name.endsWith('.partial'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** What a platform that was killed was making; its `cp` may still be at it. */
async function removePartials(directory: string, account: RunAs | null): Promise<void> {
  for (const template of await readdir(directory)) {
    const place = join(directory, template);
    await killTrees(findWorkingIn(place, account), 'a copy of an earlier start');
    for (const name of await readdir(place)) {
      if (name.endsWith('.partial')) await rm(join(place, name), { recursive: true, force: true });
    }
  }
}
