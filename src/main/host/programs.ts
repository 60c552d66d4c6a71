/**
 * The programs that outlive both the platform and its checkout: agent and forwarder, bundled, with a
 * copy of the node binary that runs them. They live in DATA/programs/<hash of their content>/.
 *
 * Bundling keeps an agent small and quick: one file instead of hundreds, and each engine driver is a
 * chunk of its own that only the agent which needs it loads.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { codeOf, messageOf, PlatformError } from '../../lib/errors.ts';
import { newId } from '../../lib/ids.ts';
import { allPids, argumentsOf, executableOf } from '../../os/processes.ts';

export type Programs = { directory: string; node: string; agent: string; forwarder: string };

export type ProgramSources = { agent: string; forwarder: string };

/** Bundles, or reuses what is already there with the same content. */
export async function ensurePrograms(options: {
  /** DATA/programs */
  directory: string;
  sources: ProgramSources;
  /** The node binary to run them; this process's own when absent. */
  node?: string;
}): Promise<Programs> {
  const node = options.node ?? process.execPath;
  const files = await bundle(options.sources);
  const hash = contentHash(files, node);
  const target = join(options.directory, hash);
  if (!existsSync(target)) write(options.directory, target, files, node);
  return {
    directory: target,
    node: join(target, 'node'),
    agent: join(target, 'agent.mjs'),
    forwarder: join(target, 'forwarder.mjs'),
  };
}

type BundledFile = { name: string; code: string };

async function bundle(sources: ProgramSources): Promise<BundledFile[]> {
  // Loaded only where it is used: the platform itself only clears old programs away.
  const { rolldown } = await import('rolldown');
  const build = await rolldown({
    input: sources,
    platform: 'node',
    // Optional native modules of drivers; neither is used and neither is there.
    external: ['pg-native', 'cloudflare:sockets'],
    logLevel: 'silent',
    treeshake: true,
  });
  try {
    const { output } = await build.generate({
      format: 'esm',
      minify: true,
      comments: false,
      entryFileNames: '[name].mjs',
      chunkFileNames: 'chunk-[hash].mjs',
    });
    return output
      .flatMap((part) => (part.type === 'chunk' ? [{ name: part.fileName, code: part.code }] : []))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw new PlatformError('unavailable', `The agent's program could not be built: ${messageOf(error)}`, {
      hint: 'Check that the checkout is complete: git status, then npm ci.',
      cause: error,
    });
  } finally {
    await build.close();
  }
}

/** The node binary counts by version and size: hashing 120 MB at every start would cost half a second. */
function contentHash(files: BundledFile[], node: string): string {
  const hash = createHash('sha256');
  hash.update(`${process.version} ${process.arch} ${statSync(node).size}\n`);
  for (const { name, code } of files) hash.update(`${name}\0${code}\0`);
  return hash.digest('hex').slice(0, 16);
}

function write(directory: string, target: string, files: BundledFile[], node: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const partial = join(directory, `.${newId()}.partial`);
  try {
    mkdirSync(partial, { mode: 0o755 });
    chmodSync(partial, 0o755);
    for (const { name, code } of files) writeFileSync(join(partial, name), code, { mode: 0o644 });
    placeNode(directory, node, join(partial, 'node'));
    renameSync(partial, target);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    // Another process may have put the same content there first.
    if (existsSync(target)) return;
    if (codeOf(error) !== 'ENOSPC') throw error;
    throw new PlatformError('refused', `The disk that holds ${directory} is full.`, {
      hint: 'Free space there (130 MB are needed), or choose another data directory with --data DIR.',
      cause: error,
    });
  }
}

/**
 * A hard link to a node that an earlier version brought here costs no space; one to the checkout's
 * would be changed with it, so from there it is a copy (a reflink where the file system can).
 */
function placeNode(directory: string, node: string, target: string): void {
  const { size } = statSync(node);
  const earlier = readdirSync(directory)
    .map((name) => join(directory, name, 'node'))
    .find((path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat?.size === size && sameContent(path, node);
    });
  if (earlier === undefined) copyFileSync(node, target);
  else linkSync(earlier, target);
  chmodSync(target, 0o755);
}

function sameContent(a: string, b: string): boolean {
  return Buffer.compare(readFileSync(a), readFileSync(b)) === 0;
}

/** Removes programs of earlier versions that no process runs from; returns what was removed. */
export function removeOldPrograms(directory: string, current: Programs): string[] {
  const inUse = directoriesInUse(directory);
  const removed: string[] = [];
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (path === current.directory || inUse.has(name)) continue;
    // A partial directory may be another platform's work of this second.
    if (name.endsWith('.partial') && Date.now() - statSync(path).mtimeMs < 600_000) continue;
    rmSync(path, { recursive: true, force: true });
    removed.push(name);
  }
  return removed;
}

function directoriesInUse(directory: string): Set<string> {
  const used = new Set<string>();
  const below = (path: string) => {
    if (path.startsWith(`${directory}/`)) used.add(path.slice(directory.length + 1).split('/')[0] ?? '');
  };
  for (const pid of allPids()) {
    for (const argument of argumentsOf(pid)) below(argument);
    // Unknown of another user's process: that one cannot run programs from a private directory of ours.
    below(executableOf(pid) ?? '');
  }
  return used;
}
