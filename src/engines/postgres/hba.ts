/**
 * Who may connect. The gate of a PostgreSQL instance is its pg_hba.conf: gated, it lets in the agent
 * over the local socket and replication over TLS, and nobody else; open, the application's account too.
 * The platform's superuser never comes in over TCP in either state.
 */
import { replicationUser, superuser } from './names.ts';

const identMap = 'mooring';

const openMark = '# state: open';
const gatedMark = '# state: gated';

export type Gate = { open: false } | { open: true; applicationUser: string };

export function hbaFile(gate: Gate): string {
  return [
    gate.open ? openMark : gatedMark,
    '# Written by the agent; changes are overwritten.',
    `local   all          ${superuser}  peer map=${identMap}`,
    `hostssl replication  ${replicationUser}  all  scram-sha-256`,
    ...(gate.open ? [`host    all          ${quoted(gate.applicationUser)}  all  scram-sha-256`] : []),
    '',
  ].join('\n');
}

export function isOpenHba(text: string): boolean {
  return text.startsWith(openMark);
}

/** Lets the operating system's account that runs the agent log in as the superuser. */
export function identFile(account: string): string {
  return `# Written by the agent; changes are overwritten.\n${identMap}  ${quoted(account)}  ${superuser}\n`;
}

/** Quoted, so that names such as "all" or "+role" mean nothing special. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
