/**
 * The doctor: looks at this machine and says, per check, whether Mooring runs well here and what to
 * do where it does not. `ok` needs nothing, `warning` works with a limit, `problem` prevents a start.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { freemem, release, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { messageOf } from '../../lib/errors.ts';
import { runningPlatform } from './data-directory.ts';

export type Verdict = 'ok' | 'warning' | 'problem';

export type Check = { name: string; verdict: Verdict; finding: string; advice?: string };

export type DoctorOptions = {
  dataDirectory: string;
  port: number;
  portRange?: { first: number; last: number };
};

const defaultRange = { first: 21000, last: 24999 };

export async function examine(options: DoctorOptions): Promise<Check[]> {
  return [
    architecture(process.arch),
    kernel(release()),
    memory(availableMb(readOr('/proc/meminfo', ''), readOr('/sys/fs/cgroup/memory.max', ''))),
    disk(options.dataDirectory),
    writable(options.dataDirectory),
    openFiles(readOr('/proc/self/limits', '')),
    await consolePort(options),
    await instancePorts(options.portRange ?? defaultRange),
    clock(),
    packageTools(),
    resourceLimits(),
  ];
}

export const worst = (checks: Check[]): Verdict =>
  (['problem', 'warning'] as const).find((v) => checks.some((c) => c.verdict === v)) ?? 'ok';

const ok = (name: string, finding: string): Check => ({ name, verdict: 'ok', finding });
const bad = (name: string, verdict: 'warning' | 'problem', finding: string, advice: string): Check => ({
  name,
  verdict,
  finding,
  advice,
});

export function architecture(arch: string): Check {
  if (arch === 'x64' || arch === 'arm64') return ok('architecture', `${arch} is supported.`);
  return bad('architecture', 'problem', `${arch} is not supported.`, 'Use a machine with x86-64 or arm64.');
}

export function kernel(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 4 || (major === 4 && minor >= 18)) return ok('kernel', `Linux ${version}.`);
  return bad('kernel', 'warning', `Linux ${version} is old.`, 'Use a kernel of 4.18 or newer.');
}

/** Megabytes that programs may still use: of the machine, or of the container if that is less. */
export function availableMb(meminfo: string, cgroupMax: string): number {
  const available = Number(/^MemAvailable:\s+(\d+) kB/m.exec(meminfo)?.[1] ?? freemem() / 1024) / 1024;
  const limit = Number(cgroupMax.trim() || Number.NaN) / 1024 / 1024;
  return Math.floor(Number.isFinite(limit) ? Math.min(available, limit) : available);
}

export function memory(mb: number): Check {
  if (mb >= 4096) return ok('memory', `${mb} MB are available.`);
  const finding = `${mb} MB are available.`;
  if (mb >= 1500) {
    const advice =
      'Enough for one small cluster with standbys (about 350 MB per MySQL instance); free memory for more.';
    return bad('memory', 'warning', finding, advice);
  }
  return bad('memory', 'problem', finding, 'Free memory: the platform and one small cluster need 1500 MB.');
}

function disk(dataDirectory: string): Check {
  const place = existingParent(dataDirectory);
  const { bavail, bsize } = statfsSync(place);
  const gb = Math.floor((bavail * bsize) / 1e9);
  const finding = `${gb} GB are free on the disk of ${dataDirectory}.`;
  if (gb >= 10) return ok('disk', finding);
  if (gb >= 3) return bad('disk', 'warning', finding, 'Enough to try; free space before real data comes.');
  return bad(
    'disk',
    'problem',
    finding,
    'Free space (3 GB at least), or choose another disk with --data DIR.',
  );
}

function writable(dataDirectory: string): Check {
  const place = existingParent(dataDirectory);
  try {
    rmSync(mkdtempSync(join(place, '.mooring-doctor-')), { recursive: true });
    return ok('data directory', `${dataDirectory} can be written.`);
  } catch (error) {
    const advice = 'Choose another directory with --data DIR or MOORING_DATA, or give this one to your user.';
    return bad('data directory', 'problem', `${place} cannot be written: ${messageOf(error)}.`, advice);
  }
}

export function openFiles(limits: string): Check {
  const [soft, hard] = (/^Max open files\s+(\S+)\s+(\S+)/m.exec(limits)?.slice(1) ?? []).map((value) =>
    value === 'unlimited' ? Number.POSITIVE_INFINITY : Number(value),
  );
  if (soft === undefined || hard === undefined) return ok('open files', 'The limit is not known here.');
  if (soft >= 4096) return ok('open files', `A process may open ${soft} files.`);
  const finding = `A process may open only ${soft} files (at most ${hard}).`;
  if (hard >= 4096 && soft >= 1024) return ok('open files', `${finding} Servers raise it themselves.`);
  return bad('open files', 'warning', finding, 'Raise it before "moor up": ulimit -n 65536');
}

async function consolePort(options: DoctorOptions): Promise<Check> {
  const name = 'console port';
  const running = runningOn(options.dataDirectory);
  if (running !== undefined) return ok(name, `The platform runs as process ${running}.`);
  if (await isFree(options.port)) return ok(name, `Port ${options.port} is free.`);
  const finding = `Port ${options.port} is taken by another program.`;
  return bad(name, 'problem', finding, 'Start with another one: moor up --port N');
}

function runningOn(dataDirectory: string): number | undefined {
  try {
    return runningPlatform(dataDirectory)?.process.pid;
  } catch {
    return undefined; // a damaged platform.json is told by `up`, with what to do
  }
}

/** A sample is enough: what is taken inside the range is skipped when ports are given out. */
async function instancePorts({ first, last }: { first: number; last: number }): Promise<Check> {
  const name = 'instance ports';
  const step = Math.max(1, Math.floor((last - first) / 20));
  let taken = 0;
  let tried = 0;
  for (let port = first; port <= last; port += step) {
    tried++;
    if (!(await isFree(port))) taken++;
  }
  const finding = `${tried - taken} of ${tried} ports tried between ${first} and ${last} are free.`;
  if (taken <= tried / 2) return ok(name, finding);
  return bad(
    name,
    'warning',
    finding,
    'Stop what listens there, or there will be no ports for new clusters.',
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A clock that is set wrong breaks certificates and the archive's dates; time zones do not matter. */
function clock(): Check {
  const name = 'clock';
  const nowMs = Date.now();
  // Nothing of this checkout can have been written in the future, nor the clock stand before it.
  const writtenMs = statSync(join(import.meta.dirname, 'doctor.ts'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (writtenMs - nowMs > 24 * 3_600_000 || nowMs < Date.UTC(2026, 0, 1)) {
    const finding = `The clock says ${new Date(nowMs).toISOString()}, which is in the past.`;
    return bad(name, 'problem', finding, 'Set it: timedatectl set-ntp true');
  }
  const probe = join(mkdtempSync(join(tmpdir(), 'mooring-clock-')), 'probe');
  try {
    writeFileSync(probe, '');
    const offMs = Math.abs(statSync(probe).mtimeMs - Date.now());
    if (offMs < 2_000) return ok(name, `${new Date(nowMs).toISOString()}, plausible.`);
    const finding = `The file system's clock is off by ${Math.round(offMs)} ms.`;
    return bad(name, 'warning', finding, 'Synchronise the clocks of this machine and of its storage.');
  } finally {
    rmSync(dirname(probe), { recursive: true, force: true });
  }
}

function packageTools(): Check {
  const name = 'package tools';
  const missing = ['apt-get', 'dpkg-deb', 'tar'].filter((tool) => !onPath(tool));
  if (missing.length === 0) return ok(name, 'apt-get, dpkg-deb and tar are there.');
  const advice = 'Install them, or put engine packs into a directory and name it in MOORING_PACKS.';
  return bad(name, 'warning', `${missing.join(', ')} missing: engine packs cannot be fetched.`, advice);
}

function onPath(program: string): boolean {
  const places = (process.env.PATH ?? '').split(delimiter);
  return [...places, '/usr/bin', '/bin'].some((place) => existsSync(join(place, program)));
}

function resourceLimits(): Check {
  const name = 'resource limits';
  if (!existsSync('/sys/fs/cgroup')) {
    return bad(
      name,
      'warning',
      'There are no control groups.',
      'Memory and CPU of instances are not limited.',
    );
  }
  if (process.getuid?.() === 0) return ok(name, 'Control groups are there and may be used.');
  const advice = 'Start as root to have memory and CPU of instances limited by the kernel.';
  return bad(name, 'warning', "Control groups belong to root: limits are only the engines' own.", advice);
}

function existingParent(path: string): string {
  let at = path;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
