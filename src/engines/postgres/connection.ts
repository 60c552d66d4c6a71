/** Connections of the agent: to its own server through the local socket, to a source over TLS. */
import { readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join, relative } from 'node:path';
import pg from 'pg';
import type { Member } from '../../domain/assignment.ts';
import { PlatformError } from '../../lib/errors.ts';
import type { InstanceContext } from '../engine.ts';
import { platformDatabase, replicationUser, superuser } from './names.ts';

export type Connection = {
  readonly serverVersion: string;
  /** Warnings that the server sent since the last call of this function. */
  takeWarnings(): string[];
  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: unknown[],
  ): Promise<{ rows: Row[]; rowCount: number }>;
  /** Throws when the connection is gone. */
  assertUp(): void;
  /** Closes at once, also while a statement waits. */
  end(): void;
};

/** Session settings; given at connect, they win over what anybody set for the role or the database. */
const pinned = {
  search_path: 'pg_catalog',
  synchronous_commit: 'on',
  default_transaction_read_only: 'off',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  client_min_messages: 'warning',
};

export type LocalOptions = {
  /** Sees the server's own defaults in these instead of the session's. */
  unpinned?: (keyof typeof pinned)[];
  settings?: Partial<Record<keyof typeof pinned, string>>;
};

export async function connectLocally(
  context: InstanceContext,
  options: LocalOptions = {},
): Promise<Connection> {
  const settings: Record<string, string> = { ...pinned, ...options.settings };
  for (const name of options.unpinned ?? []) delete settings[name];
  const path = shortest(join(context.files.run, `.s.PGSQL.${context.identity.port}`));
  return connected(
    new pg.Client({
      // Any name will do: the stream below goes to the socket.
      host: 'local',
      port: context.identity.port,
      user: superuser,
      database: platformDatabase,
      ssl: false,
      stream: () => new LocalSocket(path),
      options: Object.entries(settings)
        .map(([name, value]) => `-c ${name}=${value}`)
        .join(' '),
      application_name: 'mooring agent',
      connectionTimeoutMillis: 5000,
    }),
  );
}

/** A replication connection to the member that this one is going to follow. */
export async function connectForReplication(context: InstanceContext, source: Member): Promise<Connection> {
  const ca = await readFile(context.files.tls.ca, 'utf8');
  const config = {
    host: source.host,
    port: source.port,
    user: replicationUser,
    password: context.secrets.replicationPassword,
    database: platformDatabase,
    // Like libpq's verify-ca: the CA signs only this platform's certificates.
    ssl: { ca, rejectUnauthorized: true, checkServerIdentity: () => undefined },
    replication: 'true',
    application_name: `${context.identity.name} check`,
    connectionTimeoutMillis: 2000,
    query_timeout: 2000,
  };
  return connected(new pg.Client(config));
}

/** pg takes a path as a socket only when it is absolute, but absolute ones are often too long. */
class LocalSocket extends Socket {
  readonly #path: string;
  constructor(path: string) {
    super();
    this.#path = path;
  }
  override connect(): this {
    return super.connect(this.#path);
  }
}

const longestSocketPath = 107;

function shortest(path: string): string {
  const here = relative(process.cwd(), path);
  const best = here.length < path.length ? here : path;
  if (Buffer.byteLength(best) <= longestSocketPath) return best;
  throw new PlatformError('refused', `The path of the server's socket is too long: ${path}`, {
    hint: 'Choose a data directory with a shorter path',
  });
}

async function connected(client: pg.Client): Promise<Connection> {
  let lost: Error | undefined;
  let warnings: string[] = [];
  let serverVersion = '';
  client.on('error', (error) => {
    lost = error;
  });
  client.on('end', () => {
    lost ??= new Error('the connection was closed');
  });
  client.on('notice', (notice) => warnings.push(notice.message ?? 'unknown warning'));
  const wire = (client as unknown as { connection: NodeJS.EventEmitter & { stream: Socket } }).connection;
  wire.on('parameterStatus', (status: { parameterName: string; parameterValue: string }) => {
    if (status.parameterName === 'server_version') serverVersion = status.parameterValue.split(' ')[0] ?? '';
  });
  const end = () => {
    lost ??= new Error('the connection was ended');
    wire.stream.destroy();
  };
  try {
    await client.connect();
  } catch (error) {
    end();
    throw error;
  }
  const assertUp = () => {
    if (lost !== undefined) {
      throw new PlatformError('unavailable', `Lost the session with the server: ${lost.message}`, {
        cause: lost,
      });
    }
  };
  return {
    get serverVersion() {
      return serverVersion;
    },
    takeWarnings() {
      const taken = warnings;
      warnings = [];
      return taken;
    },
    async query(text, values) {
      assertUp();
      const result = await client.query(text, values);
      return { rows: result.rows, rowCount: result.rowCount ?? 0 };
    },
    assertUp,
    end,
  };
}
