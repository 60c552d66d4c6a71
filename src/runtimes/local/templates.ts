/**
 * Templates: one pre-initialised data directory per engine version, built once, copied for every
 * instance. Building belongs to the engine, which a runtime may not know, so the agent's program does
 * it (`template --pack FILE --dir DIR`), as the account.
 *
 * A template is built under a name of its own and renamed when it is complete. Builders that an
 * earlier life of the platform has left behind are ended first: two must never share a directory.
 */
import { lchown, mkdir, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineKind } from '../../domain/engines.ts';
import type { Pack } from '../../domain/packs.ts';
import { codeOf, messageOf, PlatformError } from '../../lib/errors.ts';
import { newId } from '../../lib/ids.ts';
import type { Log } from '../../lib/log.ts';
import { writeFileAtomic } from '../../os/files.ts';
import type { RunAs } from './layout.ts';
import { findWorkingIn, killTrees } from './processes.ts';
import { runProgram } from './programs.ts';

export type TemplateOptions = {
  directory: string;
  account: RunAs | null;
  /** Command line that runs the agent's program, without its mode. */
  agentCommand: string[];
  log: Log;
};

const buildDeadlineMs = 120_000;

export type Template = { pack: Pack; name: string; directory: string };

/** The path of the complete template of this pack; builds it when there is none. */
export async function ensureTemplate(
  pack: Pack,
  options: TemplateOptions,
  onProgress?: (message: string) => void,
): Promise<Template> {
  const name = `${pack.engine}-${pack.fullVersion}`;
  const directory = join(options.directory, name);
  if (await exists(directory)) return { pack, name, directory };

  await removeLeftovers(name, options);
  const label = `${engineLabel[pack.engine]} ${pack.fullVersion}`;
  onProgress?.(`Preparing the template of ${label}`);
  const startedAt = performance.now();
  const work = join(options.directory, `${name}.partial.${newId()}`);
  await mkdir(work, { mode: 0o700 });
  try {
    await chownTo(work, options.account);
    const packFile = join(work, 'pack.json');
    await writeFileAtomic(packFile, JSON.stringify(pack), { owner: options.account });
    const built = join(work, 'data');
    const [file = '', ...args] = options.agentCommand;
    const result = await runProgram(file, [...args, 'template', '--pack', packFile, '--dir', built], {
      account: options.account,
      cwd: work,
      deadlineMs: buildDeadlineMs,
      onLine: (line) => options.log.debug({ template: name, line }, 'template builder'),
    });
    if (result.code !== 0 || !(await exists(built))) throw await failed(label, result.stderr, result, work);
    await syncFileSystem(built);
    await rename(built, directory).catch((error) => {
      // Somebody else's complete template is as good as ours.
      if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true }).catch((error) =>
      options.log.warn({ work, problem: messageOf(error) }, 'a partial template is left'),
    );
  }
  options.log.info({ template: name, ms: Math.round(performance.now() - startedAt) }, 'template built');
  return { pack, name, directory };
}

async function removeLeftovers(name: string, options: TemplateOptions): Promise<void> {
  for (const entry of await readdir(options.directory)) {
    if (!entry.startsWith(`${name}.partial.`)) continue;
    const path = join(options.directory, entry);
    await killTrees(findWorkingIn(path, options.account), 'a template builder of an earlier start');
    await rm(path, { recursive: true, force: true });
  }
}

async function failed(label: string, stderr: string, context: object, work: string): Promise<PlatformError> {
  // Not every server says in so many words that it has met a full disk.
  const isFull = /no space left|ENOSPC/i.test(stderr) || (await freeBytes(work)) < spareBytes;
  if (isFull) return diskFull(`prepare the template of ${label}`);
  const last = stderr.split('\n').at(-1) ?? '';
  return new PlatformError(
    'unavailable',
    `The template of ${label} could not be built${last && `: ${last}`}`,
    {
      hint: 'Check the host with: moor doctor',
      context: { ...context },
    },
  );
}

/** A server that starts on a disk without this much left would stop at once. */
export const spareBytes = 64 * 1024 * 1024;

export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

export function diskFull(purpose: string): PlatformError {
  return new PlatformError('refused', `The disk is too full to ${purpose}`, {
    hint: 'Free disk space (moor delete NAME --purge frees deleted clusters), then try again',
  });
}

/** Waits until what was written below `path` is on the disk, and not only in memory. */
export async function syncFileSystem(path: string): Promise<void> {
  const result = await runProgram('sync', ['-f', path], { account: null, cwd: '/', deadlineMs: 120_000 });
  if (result.code !== 0) {
    throw new PlatformError('unavailable', `The disk under ${path} does not confirm what was written`, {
      hint: 'Look for disk errors with: dmesg',
      context: { ...result },
    });
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

export async function chownTo(path: string, account: RunAs | null): Promise<void> {
  if (account === null) return;
  await lchown(path, account.uid, account.gid);
}

const engineLabel = { mysql: 'MySQL', postgres: 'PostgreSQL' } satisfies Record<EngineKind, string>;
