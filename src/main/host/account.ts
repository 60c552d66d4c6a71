/**
 * The account that servers, agents and forwarders run under. Started by root that is an unprivileged
 * account of its own (postgres refuses root anyway); started by a user it is that user.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname, parse, resolve } from 'node:path';
import { PlatformError } from '../../lib/errors.ts';

export type Account = { name: string; uid: number; gid: number };

const defaultAccount = 'mooring';

/** Null when processes run as the user who started the platform. */
export function ensureAccount(
  wanted: string | undefined,
  host: { uid?: number; passwd?: string } = {},
): Account | null {
  const uid = host.uid ?? process.getuid?.() ?? 0;
  const passwd = host.passwd ?? '/etc/passwd';
  if (uid !== 0) {
    if (wanted === undefined || findAccount(wanted, passwd)?.uid === uid) return null;
    throw new PlatformError('refused', `Only root can run databases as another account (${wanted}).`, {
      hint: 'Leave out --run-as, or start Mooring with sudo.',
    });
  }
  const account = findAccount(wanted ?? defaultAccount, passwd) ?? createAccount(wanted, passwd);
  if (account.uid !== 0) return account;
  throw new PlatformError('refused', 'Databases cannot run as root.', {
    hint: 'Name an unprivileged account with --run-as, or leave it out.',
  });
}

export function findAccount(name: string, passwd = '/etc/passwd'): Account | undefined {
  for (const line of readFileSync(passwd, 'utf8').split('\n')) {
    const [account, , uid, gid] = line.split(':');
    if (account === name && uid && gid) return { name, uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** The account of our own is made when it is missing; where that is impossible, nobody serves. */
function createAccount(wanted: string | undefined, passwd: string): Account {
  if (wanted !== undefined) {
    throw new PlatformError('refused', `There is no account ${wanted} on this machine.`, {
      hint: `Make it: useradd --system --no-create-home ${wanted}`,
    });
  }
  const options = ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent'];
  const made = spawnSync('useradd', [...options, '--shell', '/usr/sbin/nologin', defaultAccount], {
    encoding: 'utf8',
  });
  const account = findAccount(defaultAccount, passwd) ?? findAccount('nobody', passwd);
  if (account !== undefined) return account;
  const because = made.error?.message ?? made.stderr.trim();
  throw new PlatformError('refused', `The account ${defaultAccount} could not be made: ${because}.`, {
    hint: 'Name an unprivileged account with --run-as.',
  });
}

/**
 * Whether the account can walk down to the directory. Its own part of the way may still be missing.
 * Group membership counts only for the account's first group, which is what processes are given.
 */
export function requireTraversable(directory: string, account: Account | null): void {
  if (account === null) return;
  const root = parse(resolve(directory)).root;
  const way: string[] = [];
  for (let at = resolve(directory); at !== root; at = dirname(at)) way.unshift(at);
  for (const at of way) {
    const stat = statSync(at, { throwIfNoEntry: false });
    if (stat === undefined) return;
    const bit = stat.uid === account.uid ? 0o100 : stat.gid === account.gid ? 0o010 : 0o001;
    if ((stat.mode & bit) !== 0) continue;
    throw new PlatformError(
      'refused',
      `The account ${account.name}, which runs the databases, cannot enter ${at} on the way to ${directory}.`,
      { hint: `Allow it with: chmod o+x ${at} - or choose another data directory with --data DIR.` },
    );
  }
}
