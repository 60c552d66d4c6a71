/** Letting clients in, and cutting them off. */
import { join } from 'node:path';
import { until } from '../../lib/wait.ts';
import { writeFileAtomic } from '../../os/files.ts';
import { allPids, factsOf, identify, signal } from '../../os/processes.ts';
import type { InstanceContext } from '../engine.ts';
import type { Connection } from './connection.ts';
import { readOptional } from './data-directory.ts';
import { type Gate, hbaFile, isOpenHba } from './hba.ts';
import { superuser } from './names.ts';
import { reload } from './settings.ts';

export async function isOpen(context: InstanceContext): Promise<boolean> {
  return isOpenHba((await readOptional(hbaPath(context))) ?? '');
}

export async function openGate(context: InstanceContext, connection: Connection): Promise<void> {
  await writeGate(context, { open: true, applicationUser: context.secrets.application.user });
  await reload(connection);
}

/**
 * Ends every client's connection. A backend that waits for acknowledgements is terminated and never
 * cancelled: a cancelled wait tells the client OK, a terminated one only loses the connection.
 */
export async function closeGate(context: InstanceContext, connection: Connection): Promise<void> {
  await writeGate(context, { open: false });
  await reload(connection);
  await terminateUnauthenticated(connection);
  await terminateClients(connection, 5000);
}

export async function terminateClients(connection: Connection, deadlineMs: number): Promise<void> {
  await until(
    'client connections to end',
    async () => {
      const { rows } = await connection.query<{ count: number }>(
        `SELECT count(pg_terminate_backend(pid))::int AS count FROM pg_stat_activity
          WHERE backend_type IN ('client backend', 'parallel worker') AND usename IS DISTINCT FROM '${superuser}'`,
      );
      return rows[0]?.count === 0;
    },
    { deadlineMs, everyMs: 3, maxEveryMs: 20 },
  );
}

/**
 * A connection that was accepted before the reload is checked against the old rules, however long its
 * client takes to send the password, and until then it shows in no view. So every child of the server
 * that no view knows is ended.
 */
async function terminateUnauthenticated(connection: Connection): Promise<void> {
  const { rows } = await connection.query<{ pid: number }>('SELECT pid FROM pg_stat_activity');
  const known = new Set(rows.map((row) => row.pid));
  const own = await connection.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const postmaster = factsOf(own.rows[0]?.pid ?? 0)?.parent;
  if (postmaster === undefined || postmaster <= 1) return;
  for (const pid of allPids()) {
    const identity = identify(pid);
    if (factsOf(pid)?.parent === postmaster && !known.has(pid)) signal(identity, 'SIGTERM');
  }
}

function hbaPath(context: InstanceContext): string {
  return join(context.files.data, 'pg_hba.conf');
}

async function writeGate(context: InstanceContext, gate: Gate): Promise<void> {
  await writeFileAtomic(hbaPath(context), hbaFile(gate));
}
