/** Names that Mooring uses inside every PostgreSQL instance. */
import type { Member } from '../../domain/assignment.ts';
import type { Rule } from '../../domain/rules.ts';
import { PlatformError } from '../../lib/errors.ts';

/** The platform's superuser. Reached through the local socket only, as the account that runs it. */
export const superuser = 'mooring';
export const replicationUser = 'mooring_replication';
/** Holds the markers and the heartbeat; the application has its own database. */
export const platformDatabase = 'postgres';
/** An empty database in every template; the application's is made by renaming it. */
export const spareDatabase = 'mooring_spare';

const slotPrefix = 'mooring_';

/** Slots may contain lower-case letters, digits and underscores only. */
export function slotName(memberName: string): string {
  return `${slotPrefix}${memberName.toLowerCase().replace(/[^a-z0-9_]/g, '_')}`;
}

export function isOurSlot(name: string): boolean {
  return name.startsWith(slotPrefix);
}

/**
 * The durability rule in PostgreSQL's words. Standbys name themselves by application_name, which is the
 * instance's name. k = 0 is the empty list: a commit waits for nobody.
 */
export function synchronousStandbyNames(rule: Rule, members: readonly Member[]): string {
  if (rule.k === 0) return '';
  return quorumOf(rule.k, rule.ackers, members);
}

/**
 * What a standby holds while it is one. It has no effect until it is promoted; then commits wait for k
 * of the others, until the new rule is put in force. Forgetting it can only block, never lose.
 */
export function cautiousStandbyNames(rule: Rule, members: readonly Member[], self: string): string {
  if (rule.k === 0) return '';
  return quorumOf(
    rule.k,
    rule.cohort.filter((id) => id !== self),
    members,
  );
}

function quorumOf(k: number, ids: readonly string[], members: readonly Member[]): string {
  const names = ids.map((id) => {
    const member = members.find((candidate) => candidate.instanceId === id);
    if (member === undefined)
      throw new PlatformError('invalid', `The rule names ${id}, which is not a member`);
    return `"${member.name.replaceAll('"', '""')}"`;
  });
  return `ANY ${k} (${names.join(', ')})`;
}
