/**
 * Before each start of the server: identity, configuration, certificates and the gate.
 *
 * Two things are never decided here. An existing instance does not change between primary and standby
 * on its own: removing standby.signal would be a promotion without a term. And it does not get a source
 * that nobody has compared it with: a source that was in force stays, any other comes from follow().
 *
 * Only what must not be forgotten is written with fsync: the fence, the role, the identity. The rest is
 * written again before the next start anyway.
 */
import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Assignment } from '../../domain/assignment.ts';
import { PlatformError } from '../../lib/errors.ts';
import { syncDirectory, writeFileAtomic } from '../../os/files.ts';
import type { InstanceContext } from '../engine.ts';
import {
  parseSettingsFile,
  passfileLine,
  primaryConninfo,
  replicationPassfile,
  type Settings,
  serverSettings,
  settingsFile,
} from './configuration.ts';
import { adoptIdentity, identityOf, readOptional, removeStaleLock } from './data-directory.ts';
import { hbaFile, identFile } from './hba.ts';
import { cautiousStandbyNames, replicationUser, slotName, synchronousStandbyNames } from './names.ts';

export async function prepare(context: InstanceContext, assignment: Assignment): Promise<void> {
  const { files, identity, secrets } = context;
  const systemId = BigInt(identity.systemId);
  await removeStaleLock(files.data);
  const state = await identityOf(files.data, systemId);
  const path = (name: string) => join(files.data, name);

  await mkdir(files.run, { recursive: true, mode: 0o700 });
  await chmod(files.data, 0o700);
  await writeFileAtomic(
    replicationPassfile(context),
    passfileLine(replicationUser, secrets.replicationPassword),
  );
  await copyPrivately(files.tls.ca, path('ca.crt'));
  await copyPrivately(files.tls.cert, path('server.crt'));
  await copyPrivately(files.tls.key, path('server.key'));
  await writeFileAtomic(path('pg_ident.conf'), identFile(accountName()));
  await writeFileAtomic(path('pg_hba.conf'), hbaFile({ open: false }));
  await writeFileAtomic(path('postgresql.conf'), settingsFile(serverSettings(context)));

  const previous = parseSettingsFile((await readOptional(path('postgresql.auto.conf'))) ?? '');
  const dynamic = dynamicSettings(context, assignment, state === 'template' ? undefined : previous);
  await writeFileAtomic(path('postgresql.auto.conf'), settingsFile(dynamic), { durable: true });

  if (assignment.role === 'standby') {
    await writeFileAtomic(path('standby.signal'), '', { durable: true });
  } else if (state === 'template') {
    await rm(path('standby.signal'), { force: true });
    await syncDirectory(files.data);
  }
  if (state === 'template') await adoptIdentity(files.data, systemId);
}

/** What ALTER SYSTEM changes while the server runs. `previous` is undefined on the first start. */
export function dynamicSettings(
  context: InstanceContext,
  assignment: Assignment,
  previous: Settings | undefined,
): Settings {
  const { rule, members, instanceId } = assignment;
  const settings: Settings = {
    restore_command: '',
    default_transaction_read_only: 'on',
    primary_conninfo: '',
    primary_slot_name: '',
  };
  if (assignment.role === 'leader') {
    // In force before the first commit is possible.
    settings.synchronous_standby_names = synchronousStandbyNames(rule, members);
    return settings;
  }
  settings.synchronous_standby_names = cautiousStandbyNames(rule, members, instanceId);
  settings.primary_slot_name = slotName(context.identity.name);
  const leader = members.find((member) => member.instanceId === rule.leader);
  if (leader !== undefined) {
    const wanted = primaryConninfo(context, leader);
    // An emptied source is a fence that outlives a restart; another source has to be compared first.
    if (previous === undefined || previous.primary_conninfo === wanted) settings.primary_conninfo = wanted;
  }
  return settings;
}

/** The server insists that nobody else can read its key. */
async function copyPrivately(from: string, to: string): Promise<void> {
  await writeFileAtomic(to, await readFile(from, 'utf8'));
}

/** The server looks up the name of the account at the other end of its socket. */
function accountName(): string {
  try {
    return userInfo().username;
  } catch (cause) {
    throw new PlatformError(
      'refused',
      `The account with uid ${process.getuid?.()} has no name on this host`,
      {
        hint: 'Run Mooring as an account that /etc/passwd knows',
        cause,
      },
    );
  }
}
