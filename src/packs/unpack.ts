/**
 * From verified package files to a pack that runs. Everything happens in `<name>.partial`; the last
 * step gives it its name, so that a pack which has its name is complete.
 */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Pack } from '../domain/packs.ts';
import { PlatformError } from '../lib/errors.ts';
import { type ArchiveFile, architecture } from './apt.ts';
import { isVersion, parseVersion, type Recipe } from './recipes.ts';
import { run } from './run.ts';
import { type Layout, layoutOf, wrapPrograms } from './wrappers.ts';

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Files that are there and whose content is not what the signed index says. */
export async function filesWithWrongHash(archives: string, files: ArchiveFile[]): Promise<ArchiveFile[]> {
  const wrong: ArchiveFile[] = [];
  for (const file of files) {
    const path = join(archives, file.file);
    if (existsSync(path) && (await sha256Of(path)) !== file.sha256) wrong.push(file);
  }
  return wrong;
}

export async function unpack(
  recipe: Recipe,
  archives: string,
  files: ArchiveFile[],
  directory: string,
  options: { onBytes: (bytes: number) => void; onCheck: () => void; signal?: AbortSignal },
): Promise<Pack> {
  const partial = `${directory}.partial`;
  rmSync(partial, { recursive: true, force: true });
  const layout = layoutOf(recipe, architecture());
  const root = join(partial, layout.root);
  makeMergedRoot(root);
  let bytes = 0;
  for (const file of files) {
    await extract(join(archives, file.file), root, recipe.leaveOut, options.signal);
    bytes += file.sizeBytes;
    options.onBytes(bytes);
  }
  wrapPrograms(partial, recipe, layout);
  options.onCheck();
  const fullVersion = await check(partial, recipe, layout);
  const pack = describe(recipe, directory, layout, fullVersion, files);
  writeFileSync(join(partial, 'pack.json'), `${JSON.stringify(pack, undefined, 2)}\n`);
  rmSync(directory, { recursive: true, force: true });
  await rename(partial, directory);
  return pack;
}

/** Older packages still put files into /lib; with these links all libraries are in one place. */
function makeMergedRoot(root: string): void {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(join(root, 'usr', name), { recursive: true, mode: 0o755 });
    symlinkSync(`usr/${name}`, join(root, name));
  }
}

function extract(deb: string, root: string, leaveOut: string[], signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const from = spawn('dpkg-deb', ['--fsys-tarfile', deb], { stdio: ['ignore', 'pipe', 'pipe'], signal });
    const exclude = leaveOut.map((pattern) => `--exclude=${pattern}`);
    const flags = ['--keep-directory-symlink', '--no-same-owner', '--wildcards', '--anchored', ...exclude];
    const to = spawn('tar', ['-x', '-C', root, ...flags], { stdio: ['pipe', 'ignore', 'pipe'], signal });
    let said = '';
    for (const child of [from, to]) {
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
        said += chunk;
      });
      child.once('error', reject);
    }
    // When tar ends early it has said why; the broken pipe is only the consequence.
    to.stdin.on('error', () => {});
    from.stdout.pipe(to.stdin);
    const ended = [from, to].map(
      (child) => new Promise<number>((done) => child.once('close', (code) => done(code ?? 1))),
    );
    Promise.all(ended).then((codes) => {
      if (codes.every((code) => code === 0)) resolve();
      else reject(new Error(`unpacking ${deb} failed: ${said.trim()}`));
    }, reject);
  });
}

/** Every program and module that is needed finds all its libraries, and the server says its version. */
async function check(partial: string, recipe: Recipe, layout: Layout): Promise<string> {
  const bin = join(partial, layout.binDir);
  const missing = recipe.programs.filter((name) => !existsSync(join(bin, name)));
  if (missing.length > 0) throw incomplete(recipe, `${missing.join(', ')} not in its packages`);
  const root = join(partial, layout.root);
  for (const object of [
    ...realPrograms(partial, recipe, layout),
    ...recipe.modules.map((m) => join(root, m)),
  ]) {
    const libraries = join(partial, layout.libraryPath);
    const done = await run(join(partial, layout.loader), ['--list', '--library-path', libraries, object]);
    const unresolved = `${done.stdout}${done.stderr}`.match(/\S+(?= => not found)|error while.*/g);
    if (unresolved !== null) throw incomplete(recipe, `${object} lacks ${unresolved.join(', ')}`);
  }
  const [server = ''] = recipe.programs;
  const said = await run(join(bin, server), ['--version']);
  const fullVersion = parseVersion(said.stdout);
  if (fullVersion === undefined)
    throw incomplete(recipe, `${server} --version said: ${said.stdout}${said.stderr}`);
  if (!isVersion(fullVersion, recipe.version)) {
    throw incomplete(recipe, `the archive's suite ${recipe.suite} now has ${fullVersion}`);
  }
  return fullVersion;
}

function realPrograms(partial: string, recipe: Recipe, layout: Layout): string[] {
  const places = recipe.programDirs.flatMap((dir) => [
    join(partial, layout.root, dir, '../libexec'),
    join(partial, layout.root, dir),
  ]);
  return recipe.programs.flatMap((name) => {
    const place = places.find((dir) => existsSync(join(dir, name)));
    return place === undefined ? [] : [join(place, name)];
  });
}

const incomplete = (recipe: Recipe, why: string): PlatformError =>
  new PlatformError(
    'unavailable',
    `The pack for ${recipe.engine} ${recipe.version} was fetched, but it does not run here: ${why}.`,
    { hint: 'Put a pack that works into a directory and name it in MOORING_PACKS.' },
  );

export function describe(
  recipe: Recipe,
  directory: string,
  layout: Layout,
  fullVersion: string,
  files: ArchiveFile[],
): Pack {
  const pack: Pack = {
    engine: recipe.engine,
    version: recipe.version,
    fullVersion,
    origin: 'fetched',
    root: directory,
    binDir: join(directory, layout.binDir),
    packages: files.map(({ name, version, sha256 }) => ({ name, version, sha256 })),
  };
  if (recipe.engine !== 'mysql') return pack;
  const share = join(directory, layout.root, 'usr/share/mysql');
  return {
    ...pack,
    mysql: {
      pluginDir: join(directory, layout.root, 'usr/lib/mysql/plugin'),
      messagesDir: share,
      charsetsDir: join(share, 'charsets'),
    },
  };
}

/** Removes what an interrupted attempt left. */
export function removeLeftovers(packsDirectory: string, name: string): void {
  if (!existsSync(packsDirectory)) return;
  for (const entry of readdirSync(packsDirectory)) {
    if (entry === `${name}.partial`) rmSync(join(packsDirectory, entry), { recursive: true, force: true });
  }
}
