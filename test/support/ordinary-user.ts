/** An unprivileged account for tests that root runs: programs are started as somebody else. */
import { execFile, spawnSync } from 'node:child_process';
import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findAccount } from '../../src/main/host/account.ts';
import type { CliResult } from './platform.ts';

const moor = join(import.meta.dirname, '../../src/main/moor.ts');

export type OrdinaryUser = { uid: number; gid: number };

/** The account `nobody`, or the reason why a test cannot use it. */
export function ordinaryUser(): OrdinaryUser | { missing: string } {
  if (process.getuid?.() !== 0) return { missing: 'only root can start programs as another account' };
  const nobody = findAccount('nobody');
  if (nobody === undefined) return { missing: 'this machine has no account nobody' };
  const { uid, gid } = nobody;
  const reads = [process.execPath, moor, process.env.MOORING_PACKS ?? '/'].every(
    (path) => spawnSync('/usr/bin/test', ['-r', path], { uid, gid }).status === 0,
  );
  return reads ? { uid, gid } : { missing: 'the account nobody cannot read this checkout or its packs' };
}

/** A directory that belongs to the account. */
export async function directoryOf(user: OrdinaryUser, path: string): Promise<string> {
  await mkdir(path, { mode: 0o700 });
  await chown(path, user.uid, user.gid);
  return path;
}

export function runMoorAs(
  user: OrdinaryUser,
  args: string[],
  environment: Record<string, string> = {},
): Promise<CliResult> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [moor, ...args],
      { uid: user.uid, gid: user.gid, cwd: '/', env: { ...process.env, ...environment } },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ code, stdout, stderr });
      },
    );
  });
}
