/**
 * The floor: what a skilled person's script needs for the same cluster, with no platform around it.
 * It copies the same templates, starts the same binaries in parallel, configures replication with the
 * same quorum, and ends when the first write is acknowledged by it. It checks nothing, protects
 * nothing, and knows every address beforehand.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { chmod, chown, mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { findAccount } from '../../src/main/host/account.ts';

export type Floor = AsyncDisposable & { milliseconds: number };

export type FloorOptions = {
  /** An empty directory that the account may enter. */
  directory: string;
  binDir: string;
  template: string;
  standbys: number;
  k: number;
};

const account = process.getuid?.() === 0 ? findAccount('mooring') : undefined;
const identity = account ? { uid: account.uid, gid: account.gid } : {};

/** One empty directory per member. */
export async function homesFor(options: FloorOptions): Promise<string[]> {
  const homes = Array.from({ length: options.standbys + 1 }, (_, n) => join(options.directory, `m${n + 1}`));
  for (const home of homes) {
    await mkdir(home, { mode: 0o700 });
    if (account) await chown(home, account.uid, account.gid);
  }
  return homes;
}

export async function copyTemplate(options: FloorOptions, home: string): Promise<void> {
  const copy = ['-a', '--sparse=auto', '--reflink=auto', options.template, join(home, 'data')];
  await finished(start('cp', copy, home));
  await chmod(join(home, 'data'), 0o700);
}

export function start(file: string, args: string[], home: string): ChildProcess {
  const log = openSync(join(home, '..', `${home.split('/').at(-1)}.log`), 'a');
  const child = spawn(file, args, { cwd: home, stdio: ['ignore', log, log], ...identity });
  closeSync(log);
  return child;
}

export function finished(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`${child.spawnfile}: code ${code}`)),
    );
  });
}

export async function endAll(children: ChildProcess[]): Promise<void> {
  await Promise.all(
    children.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    }),
  );
}

/** Tries again every few milliseconds, as an impatient script does, for a minute at most. */
export async function again<T>(attempt: () => Promise<T>): Promise<T> {
  const end = performance.now() + 60_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

export function write(path: string, text: string): void {
  const { status } = spawnSync('tee', [path], { input: text, ...identity });
  if (status !== 0) throw new Error(`cannot write ${path}`);
}
