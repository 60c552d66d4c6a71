/** Chromium for the console's tests: the system's, else apt's when root may install it. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const programs = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

export type Chromium = { path: string } | { missing: string };

export function ensureChromium(
  environment: Record<string, string | undefined>,
  say: (line: string) => void,
): Chromium {
  const named = environment.MOORING_CHROMIUM;
  if (named !== undefined && named !== '') {
    return existsSync(named)
      ? { path: named }
      : { missing: `MOORING_CHROMIUM names ${named}, which is not there` };
  }
  const found = findChromium(environment);
  if (found !== undefined) return { path: found };
  if (process.getuid?.() !== 0) return { missing: 'Chromium is not installed, and only root can install it' };
  say('installing Chromium for the console tests (apt-get install chromium)');
  const aptEnvironment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args: string[]) => spawnSync('apt-get', args, { encoding: 'utf8', env: aptEnvironment });
  apt('update', '-qq');
  const done = apt('install', '-y', '-qq', '--no-install-recommends', 'chromium');
  const installed = findChromium(environment);
  if (installed !== undefined) return { path: installed };
  const reason = done.error?.message ?? done.stderr.trim().split('\n').at(-1) ?? 'apt-get failed';
  return { missing: `Chromium could not be installed: ${reason}` };
}

function findChromium(environment: Record<string, string | undefined>): string | undefined {
  const places = (environment.PATH ?? '').split(delimiter).filter((place) => place !== '');
  return [...places, '/usr/bin']
    .flatMap((place) => programs.map((program) => join(place, program)))
    .find((path) => existsSync(path));
}
