/**
 * Debian's archive through apt with a state of its own: own configuration, own lists, own package
 * status, own cache. Nothing of the system is touched and no privilege is needed, and apt does what
 * it is good at: it verifies the archive's signature and every hash, and resumes a download.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PlatformError } from '../lib/errors.ts';
import { neverRun, type Recipe } from './recipes.ts';
import { run } from './run.ts';

export type ArchiveFile = { file: string; name: string; version: string; sizeBytes: number; sha256: string };

export type PrivateApt = {
  recipe: Recipe;
  /** Holds the .deb files that are complete; `partial` below it those that are not. */
  archives: string;
  env: Record<string, string>;
};

export const defaultMirror = 'http://deb.debian.org/debian';

/** Debian's public keys: those of the host, and where it has none, those that come with Mooring. */
const keyrings = [
  '/usr/share/keyrings/debian-archive-keyring.gpg',
  '/usr/share/keyrings/debian-archive-keyring.pgp',
  join(import.meta.dirname, 'debian-archive-keys.gpg'),
];

export type Architecture = { debian: string; triplet: string; loader: string };

export function architecture(arch: string = process.arch): Architecture {
  if (arch === 'x64') {
    return { debian: 'amd64', triplet: 'x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2' };
  }
  if (arch === 'arm64') {
    return { debian: 'arm64', triplet: 'aarch64-linux-gnu', loader: 'ld-linux-aarch64.so.1' };
  }
  throw new PlatformError('refused', `Engine packs exist for x86-64 and arm64, and this machine is ${arch}.`);
}

export async function privateApt(
  recipe: Recipe,
  directory: string,
  options: { mirror: string; keyring?: string },
): Promise<PrivateApt> {
  await requireTools();
  const keyring = options.keyring ?? keyrings.find((path) => existsSync(path));
  if (keyring === undefined) {
    throw new PlatformError('unavailable', "Debian's archive keys are not on this machine.", {
      hint: 'Install the package debian-archive-keyring.',
    });
  }
  const archives = join(directory, 'archives');
  mkdirSync(join(directory, 'lists/partial'), { recursive: true });
  mkdirSync(join(archives, 'partial'), { recursive: true });
  mkdirSync(join(archives, 'none/partial'), { recursive: true });
  const { debian } = architecture();
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
  write('status', claimInstalled(neverRun, debian));
  write(
    'sources.list',
    `deb [arch=${debian} signed-by=${keyring}] ${options.mirror.replace(/\/$/, '')} ${recipe.suite} main\n`,
  );
  write('apt.conf', configuration(directory, debian) + (await hostSettings()));
  // Proxies may carry a password.
  chmodSync(join(directory, 'apt.conf'), 0o600);
  return { recipe, archives, env: { APT_CONFIG: join(directory, 'apt.conf') } };
}

async function requireTools(): Promise<void> {
  for (const tool of ['apt-get', 'dpkg-deb', 'tar']) {
    try {
      await run(tool, ['--version']);
    } catch (error) {
      throw new PlatformError(
        'unavailable',
        `${tool} is not on this machine; engine packs are fetched with it.`,
        { hint: 'Install it, or put packs into a directory and name it in MOORING_PACKS.', cause: error },
      );
    }
  }
}

/** An entry per package that says "installed", so that the resolver is content without it. */
export function claimInstalled(names: string[], debianArchitecture: string): string {
  return names
    .map((name) =>
      [
        `Package: ${name}`,
        'Status: install ok installed',
        `Architecture: ${debianArchitecture}`,
        // perl:any is asked for; only "allowed" answers that.
        `Multi-Arch: ${name === 'perl' ? 'allowed' : 'foreign'}`,
        'Version: 99:0',
        'Maintainer: nobody',
        'Description: claimed to be present because it is never run',
        '',
        '',
      ].join('\n'),
    )
    .join('');
}

function configuration(directory: string, debianArchitecture: string): string {
  const settings: Record<string, string> = {
    'Dir::State': directory,
    'Dir::State::lists': join(directory, 'lists'),
    'Dir::State::status': join(directory, 'status'),
    'Dir::Cache': directory,
    'Dir::Cache::archives': join(directory, 'archives'),
    'Dir::Etc::main': '/dev/null',
    'Dir::Etc::parts': '/dev/null',
    'Dir::Etc::sourcelist': join(directory, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::Etc::trusted': '/dev/null',
    'Dir::Etc::trustedparts': '/dev/null',
    'Dir::Log': directory,
    // One of our own locks guards this state; apt's would want to be root's.
    'Debug::NoLocking': 'true',
    // Run by root, apt would download as _apt, who cannot enter a private directory.
    'APT::Sandbox::User': 'root',
    'APT::Architecture': debianArchitecture,
    'APT::Architectures': debianArchitecture,
    'APT::Install-Recommends': 'false',
    'APT::Get::AllowUnauthenticated': 'false',
    'APT::Update::Error-Mode': 'any',
    'Acquire::AllowInsecureRepositories': 'false',
    'Acquire::AllowWeakRepositories': 'false',
    'Acquire::Languages': 'none',
    'Acquire::ForceHash': 'SHA256',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    'Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled': 'false',
    'Acquire::Retries': '1',
    'Acquire::http::Timeout': '20',
    'Acquire::https::Timeout': '20',
  };
  return Object.entries(settings)
    .map(([key, value]) => `${key} "${value}";\n`)
    .join('');
}

/**
 * What the host's administrator decided about reaching archives counts here too: proxies, authorities,
 * and whether an index past its date is accepted (frozen mirrors need that). All else stays private.
 */
async function hostSettings(): Promise<string> {
  return selectHostSettings((await run('apt-config', ['dump'])).stdout);
}

export function selectHostSettings(dump: string): string {
  const kept =
    /^Acquire::(https?::(.*::)?(Proxy|Proxy-Auto-Detect|ProxyAutoDetect|CaInfo)|(.*::)?Check-Valid-Until|(.*::)?Max-ValidTime(::.*)?) /i;
  return dump
    .split('\n')
    .filter((line) => kept.test(line))
    .map((line) => `${line}\n`)
    .join('');
}

/** Reads the index; the text of what went wrong, or undefined. Old lists stay when it fails. */
export async function updateIndex(apt: PrivateApt, signal?: AbortSignal): Promise<string | undefined> {
  const done = await run('apt-get', ['update'], { env: apt.env, signal });
  const output = `${done.stdout}\n${done.stderr}`;
  return done.code !== 0 || /^(E|Err|W: Failed)/m.test(output) ? output : undefined;
}

/** The closure of the recipe's packages, with the hashes of the signed index; or why there is none. */
export async function planDownload(
  apt: PrivateApt,
  signal?: AbortSignal,
): Promise<{ files: ArchiveFile[] } | { problem: string }> {
  // Against an empty cache, because apt prints only what is not in the cache yet.
  const empty = ['-o', `Dir::Cache::archives=${join(apt.archives, 'none')}`];
  const args = ['install', '--yes', '-qq', '--print-uris', ...empty, ...apt.recipe.packages];
  const done = await run('apt-get', args, { env: apt.env, signal });
  if (done.code !== 0) return { problem: `${done.stderr}${done.stdout}` };
  return { files: parsePlan(done.stdout) };
}

/** Lines like: 'http://.../x_1%3a2_amd64.deb' x_1%3a2_amd64.deb 1234 SHA256:abc... */
export function parsePlan(output: string): ArchiveFile[] {
  return output.split('\n').flatMap((line) => {
    const match = /^'[^']+' (\S+_\S+_\S+\.deb) (\d+) SHA256:([0-9a-f]{64})$/.exec(line.trim());
    if (match === null) return [];
    const [, file = '', size = '0', sha256 = ''] = match;
    const [name = '', version = ''] = file.split('_');
    return [{ file, name, version: decodeURIComponent(version), sizeBytes: Number(size), sha256 }];
  });
}

/** Downloads what is not there yet; the text of what went wrong, or undefined. */
export async function download(apt: PrivateApt, signal?: AbortSignal): Promise<string | undefined> {
  const args = ['install', '--yes', '-q', '--download-only', ...apt.recipe.packages];
  const done = await run('apt-get', args, { env: apt.env, signal });
  return done.code === 0 ? undefined : `${done.stdout}\n${done.stderr}`;
}

/** How many bytes of these files are on disk, finished or not. */
export function bytesPresent(apt: PrivateApt, files: ArchiveFile[]): number {
  const sizes = new Map<string, number>();
  for (const directory of [apt.archives, join(apt.archives, 'partial')]) {
    for (const file of readdirSync(directory)) {
      const stat = statSync(join(directory, file), { throwIfNoEntry: false });
      if (stat?.isFile()) sizes.set(file, Math.max(sizes.get(file) ?? 0, stat.size));
    }
  }
  return files.reduce((sum, { file, sizeBytes }) => sum + Math.min(sizes.get(file) ?? 0, sizeBytes), 0);
}
