/**
 * Engine packs: found where the configuration says, else on the host, else fetched.
 *
 *   const pack = await ensurePack({ engine: 'mysql', version: '9.7', directory: '/var/lib/mooring/packs' });
 *
 * Reading order: this file, recipes.ts (what a pack is made of), fetch.ts (how it is fetched),
 * apt.ts (Debian's archive), unpack.ts and wrappers.ts (how its programs run anywhere).
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type EngineKind, engineKinds } from '../domain/engines.ts';
import type { Pack } from '../domain/packs.ts';
import { messageOf, PlatformError } from '../lib/errors.ts';
import { until } from '../lib/wait.ts';
import { tryLock } from '../os/lock.ts';
import { type FetchOptions, fetchPack } from './fetch.ts';
import { hostPack } from './host.ts';
import { packName, recipeFor } from './recipes.ts';

export type FindOptions = {
  engine: EngineKind;
  version: string;
  /** Where fetched packs live; DATA/packs. */
  directory: string;
  /** A directory that the configuration names (MOORING_PACKS), holding <engine>-<version>/pack.json. */
  configured?: string;
  /** Whether binaries installed on the host may be used; they may, unless this is false. */
  hostBinaries?: boolean;
};

export type PackOptions = FindOptions & FetchOptions;

/** The pack, fetched if it must be. Several processes may ask at once; one fetches, the others wait. */
export async function ensurePack(options: PackOptions): Promise<Pack> {
  const recipe = recipeFor(options.engine, options.version);
  const found = await findPack(options);
  if (found !== undefined) return found;
  createDirectory(options.directory);
  const name = packName(options.engine, options.version);
  const lockPath = join(options.directory, '.fetch', `${name}.lock`);
  const lock = await until(
    `another process that fetches the pack ${name}`,
    async () => {
      const taken = await tryLock(lockPath);
      if (taken.held) return taken;
      const holder = taken.holder ? `process ${taken.holder.pid}` : 'another process';
      const message = `waiting for ${holder}, which fetches the same pack`;
      const { engine, version } = options;
      options.onProgress?.({
        engine,
        version,
        phase: 'waiting',
        fraction: 0,
        bytes: 0,
        totalBytes: 0,
        message,
      });
      return undefined;
    },
    { deadlineMs: 30 * 60_000, everyMs: 200, maxEveryMs: 1000, signal: options.signal },
  );
  try {
    return (await findPack(options)) ?? (await fetchPack(recipe, options));
  } finally {
    lock.release();
  }
}

/** The pack if it is there already; never fetches. */
export async function findPack(options: FindOptions): Promise<Pack | undefined> {
  const name = packName(options.engine, options.version);
  if (options.configured !== undefined) {
    const pack = readPack(join(options.configured, name), 'configured');
    if (pack !== undefined) return expect(pack, options, join(options.configured, name));
  }
  if (options.hostBinaries !== false) {
    const pack = await hostPack(options.engine, options.version, options.directory);
    if (pack !== undefined) return pack;
  }
  return readPack(join(options.directory, name), 'fetched');
}

/** All packs that are configured or fetched. */
export function listPacks(options: { directory: string; configured?: string }): Pack[] {
  const packs = new Map<string, Pack>();
  const places = [
    { directory: options.configured, origin: 'configured' as const },
    { directory: options.directory, origin: 'fetched' as const },
  ];
  for (const { directory, origin } of places) {
    if (directory === undefined || !existsSync(directory)) continue;
    for (const entry of readdirSync(directory).sort()) {
      const known =
        engineKinds.some((engine) => entry.startsWith(`${engine}-`)) && !entry.includes('.partial');
      if (!known || packs.has(entry)) continue;
      const pack = readPack(join(directory, entry), origin);
      if (pack !== undefined) packs.set(entry, pack);
    }
  }
  return [...packs.values()];
}

/**
 * Reads pack.json and makes its paths true for the place where the pack is now: packs may be copied
 * and moved. Undefined when there is none.
 */
export function readPack(directory: string, origin: Pack['origin']): Pack | undefined {
  const path = join(resolve(directory), 'pack.json');
  if (!existsSync(path)) return undefined;
  let written: Pack;
  try {
    written = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof written.binDir !== 'string' || typeof written.root !== 'string') throw new Error('no binDir');
  } catch (error) {
    throw new PlatformError('unavailable', `${path} is damaged: ${messageOf(error)}.`, {
      hint: 'Remove the directory; the pack is then made again.',
      cause: error,
    });
  }
  const here = (place: string) => join(resolve(directory), relative(written.root, place));
  return {
    ...written,
    origin,
    root: resolve(directory),
    binDir: here(written.binDir),
    ...(written.mysql && {
      mysql: {
        pluginDir: here(written.mysql.pluginDir),
        messagesDir: here(written.mysql.messagesDir),
        charsetsDir: here(written.mysql.charsetsDir),
      },
    }),
  };
}

function expect(pack: Pack, wanted: { engine: EngineKind; version: string }, directory: string): Pack {
  if (pack.engine === wanted.engine && pack.version === wanted.version && existsSync(pack.binDir))
    return pack;
  throw new PlatformError(
    'unavailable',
    `${directory} does not hold ${wanted.engine} ${wanted.version}: its pack.json says ${pack.engine} ${pack.version}, programs in ${pack.binDir}.`,
    { hint: 'Correct the directory that MOORING_PACKS names, or unset MOORING_PACKS to have packs fetched.' },
  );
}

function createDirectory(directory: string): void {
  try {
    // Servers may run as another account, which must be able to read a pack.
    mkdirSync(directory, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw new PlatformError('refused', `Cannot create ${directory}: ${messageOf(error)}`, { cause: error });
  }
}
