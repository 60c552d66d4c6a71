/** Programs that some tests need: the system's, else apt's when root may install them. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export type Wanted = {
  /** What people call it, and what needs it. */
  title: string;
  purpose: string;
  /** The variable that may name it. */
  variable: string;
  /** Any of these will do. */
  programs: readonly string[];
  /** Debian's package that has it. */
  package: string;
};

export type Found = { path: string } | { missing: string };

export const chromium: Wanted = {
  title: 'Chromium',
  purpose: 'the console tests',
  variable: 'MOORING_CHROMIUM',
  programs: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  package: 'chromium',
};

export const sysbench: Wanted = {
  title: 'sysbench',
  purpose: 'the test that loads a MySQL data set',
  variable: 'MOORING_SYSBENCH',
  programs: ['sysbench'],
  package: 'sysbench',
};

export function ensureProgram(
  wanted: Wanted,
  environment: Record<string, string | undefined>,
  say: (line: string) => void,
): Found {
  const { title, purpose, variable } = wanted;
  const named = environment[variable];
  if (named !== undefined && named !== '') {
    return existsSync(named)
      ? { path: named }
      : { missing: `${variable} names ${named}, which is not there` };
  }
  const found = find(wanted, environment);
  if (found !== undefined) return { path: found };
  if (process.getuid?.() !== 0) return { missing: `${title} is not installed, and only root can install it` };
  say(`installing ${title} for ${purpose} (apt-get install ${wanted.package})`);
  const aptEnvironment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args: string[]) => spawnSync('apt-get', args, { encoding: 'utf8', env: aptEnvironment });
  apt('update', '-qq');
  const done = apt('install', '-y', '-qq', '--no-install-recommends', wanted.package);
  const installed = find(wanted, environment);
  if (installed !== undefined) return { path: installed };
  const reason = done.error?.message ?? (done.stderr.trim().split('\n').at(-1) || 'apt-get failed');
  return { missing: `${title} could not be installed: ${reason}` };
}

function find({ programs }: Wanted, environment: Record<string, string | undefined>): string | undefined {
  const places = (environment.PATH ?? '').split(delimiter).filter((place) => place !== '');
  return [...places, '/usr/bin']
    .flatMap((place) => programs.map((program) => join(place, program)))
    .find((path) => existsSync(path));
}
