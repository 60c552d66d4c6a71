/**
 * Fetching a pack: index, plan, download, verify, unpack, check. Whatever fails, finished downloads
 * stay in `.fetch/<name>` and the next attempt continues from there.
 */
import { existsSync, mkdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { Pack } from '../domain/packs.ts';
import { messageOf, PlatformError } from '../lib/errors.ts';
import {
  type ArchiveFile,
  bytesPresent,
  defaultMirror,
  download,
  type PrivateApt,
  planDownload,
  privateApt,
  updateIndex,
} from './apt.ts';
import { aptReason, cannotFetch, diskFull, saysDiskFull } from './errors.ts';
import { megabytes, type OnPackProgress, type PackProgress } from './progress.ts';
import { packName, type Recipe } from './recipes.ts';
import { filesWithWrongHash, unpack } from './unpack.ts';

export type FetchOptions = {
  /** Where fetched packs live: <directory>/<engine>-<version>. */
  directory: string;
  mirror?: string;
  /** Another keyring than Debian's, for a mirror that signs by itself. */
  keyring?: string;
  onProgress?: OnPackProgress;
  signal?: AbortSignal;
};

/** The caller holds the lock of this pack. */
export async function fetchPack(recipe: Recipe, options: FetchOptions): Promise<Pack> {
  const name = packName(recipe.engine, recipe.version);
  const report = reporter(recipe, options.onProgress);
  const { archives, files, state } = await fetchPackages(recipe, options);
  const total = totalBytes(files);
  try {
    const pack = await unpack(recipe, archives, files, join(options.directory, name), {
      onBytes: (bytes) => report('unpack', 0.6 + (0.35 * bytes) / total, bytes, total, 'unpacking'),
      onCheck: () => report('check', 0.96, total, total, 'checking that it runs'),
      signal: options.signal,
    });
    rmSync(state, { recursive: true, force: true });
    report('done', 1, total, total, `${pack.engine} ${pack.fullVersion} is ready`);
    return pack;
  } catch (error) {
    throw explain(error, recipe, options, 'what was downloaded');
  }
}

export type Fetched = { archives: string; files: ArchiveFile[]; state: string };

/** All packages of the recipe, each with the hash that the signed index gives. */
export async function fetchPackages(recipe: Recipe, options: FetchOptions): Promise<Fetched> {
  const state = join(options.directory, '.fetch', packName(recipe.engine, recipe.version));
  const mirror = options.mirror ?? defaultMirror;
  const report = reporter(recipe, options.onProgress);
  try {
    mkdirSync(state, { recursive: true });
    const apt = await privateApt(recipe, state, { mirror, keyring: options.keyring });
    report('index', 0.01, 0, 0, `reading the index of Debian ${recipe.suite}`);
    const files = await plan(apt, recipe, mirror, options.signal);
    requireSpace(recipe, options.directory, files);
    await downloadVerified(apt, files, { recipe, mirror, report, signal: options.signal });
    return { archives: apt.archives, files, state };
  } catch (error) {
    throw explain(error, recipe, options, 'what was downloaded before');
  }
}

function explain(error: unknown, recipe: Recipe, options: FetchOptions, kept: string): unknown {
  if (options.signal?.aborted) return options.signal.reason;
  if (saysDiskFull(messageOf(error))) return diskFull(recipe, options.directory, error);
  if (error instanceof PlatformError) return error;
  const facts = { missing: 'the unpacked pack', kept, reason: messageOf(error) };
  return cannotFetch(recipe, options.mirror ?? defaultMirror, facts, error);
}

async function plan(
  apt: PrivateApt,
  recipe: Recipe,
  mirror: string,
  signal?: AbortSignal,
): Promise<ArchiveFile[]> {
  const updateProblem = await updateIndex(apt, signal);
  signal?.throwIfAborted();
  if (updateProblem !== undefined && saysDiskFull(updateProblem)) throw new Error(updateProblem);
  const planned = await planDownload(apt, signal);
  if ('files' in planned && planned.files.length > 0) return planned.files;
  const reason = aptReason(updateProblem ?? ('problem' in planned ? planned.problem : ''));
  throw cannotFetch(recipe, mirror, {
    missing: `the signed index of Debian ${recipe.suite}, and with it all packages (${recipe.packages.join(', ')} and their libraries)`,
    kept: 'nothing yet',
    reason,
  });
}

type Report = ReturnType<typeof reporter>;

/** One more attempt for files that turn out damaged, here or on the way. */
async function downloadVerified(
  apt: PrivateApt,
  files: ArchiveFile[],
  work: { recipe: Recipe; mirror: string; report: Report; signal?: AbortSignal },
): Promise<void> {
  const total = totalBytes(files);
  let removed: string[] = [];
  let problem: string | undefined;
  for (let attempt = 1; attempt <= 2; attempt++) {
    await removeDamaged(apt, files);
    problem = await withPolling(
      () => {
        const bytes = bytesPresent(apt, files);
        const message = `downloading ${megabytes(bytes)} of ${megabytes(total)}`;
        work.report('download', 0.1 + (0.5 * bytes) / total, bytes, total, message);
      },
      () => download(apt, work.signal),
    );
    work.signal?.throwIfAborted();
    removed = await removeDamaged(apt, files);
    const missing = files.filter(({ file }) => !existsSync(join(apt.archives, file)));
    if (missing.length === 0) return;
    if (problem !== undefined && saysDiskFull(problem)) throw new Error(problem);
    if (removed.length === 0 && !/Hash Sum mismatch|unexpected size|end of file/i.test(problem ?? '')) break;
  }
  const missing = files.filter(({ file }) => !existsSync(join(apt.archives, file)));
  const wrong = removed.length === 0 ? '' : ` ${removed.join(', ')} had a wrong hash and was removed;`;
  throw cannotFetch(work.recipe, work.mirror, {
    missing: `${missing.length} of ${files.length} packages (${shorten(missing.map((f) => f.name))})`,
    kept: `${files.length - missing.length} packages that are verified, ${megabytes(bytesPresent(apt, files))} of ${megabytes(total)}`,
    reason: `${wrong} ${aptReason(problem ?? '')}`.trim(),
  });
}

async function removeDamaged(apt: PrivateApt, files: ArchiveFile[]): Promise<string[]> {
  const wrong = await filesWithWrongHash(apt.archives, files);
  for (const { file } of wrong) rmSync(join(apt.archives, file), { force: true });
  return wrong.map(({ file }) => file);
}

async function withPolling<T>(look: () => void, work: () => Promise<T>): Promise<T> {
  look();
  const timer = setInterval(look, 200);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    look();
  }
}

/** Compressed packages grow about five times; the downloads stay until the pack is complete. */
function requireSpace(recipe: Recipe, directory: string, files: ArchiveFile[]): void {
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize < totalBytes(files) * 6) throw diskFull(recipe, directory);
}

const totalBytes = (files: ArchiveFile[]) =>
  Math.max(
    1,
    files.reduce((sum, f) => sum + f.sizeBytes, 0),
  );

const shorten = (names: string[]) =>
  names.length <= 6 ? names.join(', ') : `${names.slice(0, 6).join(', ')} and ${names.length - 6} more`;

function reporter(recipe: Recipe, onProgress: OnPackProgress | undefined) {
  const { engine, version } = recipe;
  return (
    phase: PackProgress['phase'],
    fraction: number,
    bytes: number,
    totalBytes: number,
    message: string,
  ): void => onProgress?.({ engine, version, phase, fraction, bytes, totalBytes, message });
}
