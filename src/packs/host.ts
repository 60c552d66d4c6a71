/**
 * Binaries that the host already has. They count only when they are complete: a server without its
 * semi-synchronous or clone plugins would fail later, when it hurts.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineKind } from '../domain/engines.ts';
import type { Pack } from '../domain/packs.ts';
import { isVersion, packName, parseVersion, recipeFor } from './recipes.ts';
import { run } from './run.ts';

/** `host` is the root of the file system, another directory in tests. */
export async function hostPack(
  engine: EngineKind,
  version: string,
  directory: string,
  host = '/',
): Promise<Pack | undefined> {
  return engine === 'postgres' ? hostPostgres(version, host) : hostMysql(version, directory, host);
}

async function hostPostgres(version: string, host: string): Promise<Pack | undefined> {
  const recipe = recipeFor('postgres', version);
  const [programDir = ''] = recipe.programDirs;
  const binDir = join(host, programDir);
  if (!complete(binDir, recipe.programs) || !recipe.modules.every((m) => existsSync(join(host, m)))) return;
  const fullVersion = await versionOf(join(binDir, 'postgres'), version);
  if (fullVersion === undefined) return undefined;
  return { engine: 'postgres', version, fullVersion, origin: 'host', root: host, binDir, packages: [] };
}

async function hostMysql(version: string, directory: string, host: string): Promise<Pack | undefined> {
  const recipe = recipeFor('mysql', version);
  const place = (name: string) =>
    recipe.programDirs.map((dir) => join(host, dir, name)).find((path) => existsSync(path));
  const programs = recipe.programs.map((name) => ({ name, path: place(name) }));
  if (programs.some(({ path }) => path === undefined)) return undefined;
  const pluginDir = ['usr/lib/mysql/plugin', 'usr/lib64/mysql/plugin']
    .map((dir) => join(host, dir))
    .find((dir) => recipe.modules.every((module) => existsSync(join(dir, module.split('/').at(-1) ?? ''))));
  const messagesDir = ['usr/share/mysql', 'usr/share/mysql-9.7']
    .map((dir) => join(host, dir))
    .find((dir) => existsSync(join(dir, 'charsets')));
  if (pluginDir === undefined || messagesDir === undefined || confined(host)) return undefined;
  const fullVersion = await versionOf(place('mysqld') ?? '', version);
  if (fullVersion === undefined) return undefined;
  // mysqld and the clients are in two directories; a pack has one.
  const binDir = join(directory, `${packName('mysql', version)}.host`);
  rmSync(binDir, { recursive: true, force: true });
  mkdirSync(binDir, { recursive: true, mode: 0o755 });
  for (const name of [...recipe.programs, ...(recipe.extraPrograms ?? [])]) {
    const path = place(name);
    if (path !== undefined) symlinkSync(path, join(binDir, name));
  }
  return {
    ...{ engine: 'mysql', version, fullVersion, origin: 'host', root: host, binDir, packages: [] },
    mysql: { pluginDir, messagesDir, charsetsDir: join(messagesDir, 'charsets') },
  };
}

const complete = (dir: string, programs: string[]) => programs.every((name) => existsSync(join(dir, name)));

async function versionOf(program: string, version: string): Promise<string | undefined> {
  try {
    const said = parseVersion((await run(program, ['--version'])).stdout);
    return said !== undefined && isVersion(said, version) ? said : undefined;
  } catch {
    return undefined;
  }
}

/** A distribution's AppArmor profile lets mysqld write to /var/lib/mysql only. */
function confined(host: string): boolean {
  try {
    const enabled = readFileSync(join(host, 'sys/module/apparmor/parameters/enabled'), 'utf8');
    return enabled.startsWith('Y') && existsSync(join(host, 'etc/apparmor.d/usr.sbin.mysqld'));
  } catch {
    return false;
  }
}
