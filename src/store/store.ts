/**
 * The door to the store: one pool, Kysely over it, and errors in the platform's own words.
 *
 * Everything that goes wrong in PostgreSQL passes through one place (`mapStoreError`): a lost
 * connection becomes `unavailable`, a unique violation `conflict`. The driver's code and the
 * constraint's name stay on the error, so that a query can tell which name or port was taken.
 */
import { Kysely, PostgresDialect, type PostgresPoolClient, type Transaction } from 'kysely';
import pg from 'pg';
import type { Change } from '../domain/changes.ts';
import { codeOf, PlatformError } from '../lib/errors.ts';
import { type Log, silentLog } from '../lib/log.ts';
import { type Listening, listenForChanges } from './changes.ts';
import type { Tables } from './tables.ts';

export type Db = Kysely<Tables>;
export type Tx = Transaction<Tables>;

export type StoreOptions = {
  /** postgres://user:password@host:port/database, or node-postgres' own fields. */
  connection: string | pg.ClientConfig;
  /** Connections in the pool. */
  max?: number;
  log?: Log;
};

export type Store = AsyncDisposable & {
  db: Db;
  pool: pg.Pool;
  transaction<T>(run: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * Calls `onChange` for each change that anybody announces, on a connection of its own that comes
   * back by itself. `onReconnect` says that changes may have been missed: look at everything again.
   */
  listen(onChange: (change: Change) => void, onReconnect?: () => void): Promise<Listening>;
  close(): Promise<void>;
};

export function clientConfig(connection: string | pg.ClientConfig): pg.ClientConfig {
  const config = typeof connection === 'string' ? { connectionString: connection } : connection;
  return {
    application_name: 'mooring',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    ...config,
  };
}

export function openStore(options: StoreOptions): Store {
  const log = options.log ?? silentLog;
  const config = clientConfig(options.connection);
  const pool = new pg.Pool({ max: options.max ?? 10, ...config });
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', (error) => log.warn({ error }, 'a connection to the store broke'));
  const db: Db = new Kysely<Tables>({
    dialect: new PostgresDialect({
      pool: {
        options: pool.options,
        connect: async () => {
          try {
            return translating(await pool.connect());
          } catch (error) {
            throw mapStoreError(error);
          }
        },
        end: () => pool.end(),
      },
    }),
  });
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= pool.end();
    return closed;
  };
  return {
    db,
    pool,
    transaction: (run) => db.transaction().execute(run),
    listen: (onChange, onReconnect) => listenForChanges(config, log, onChange, onReconnect),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The pool's client with every error mapped. */
function translating(client: pg.PoolClient): PostgresPoolClient {
  const query = async (text: string, parameters: unknown[]) => {
    try {
      return await client.query(text, parameters);
    } catch (error) {
      throw mapStoreError(error);
    }
  };
  return {
    query: query as unknown as PostgresPoolClient['query'],
    release: (destroy?: boolean) => client.release(destroy),
  };
}

const network = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND']);
/** Broken or refused connection, shutting down, starting up, too many clients, disk full, deadlock. */
const passing = /^(08...|57P0.|53...|40...|25P0.)$/;
const lostConnection = /terminated|timeout exceeded when trying to connect|not queryable|Connection ended/i;

export function mapStoreError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof PlatformError) return error;
  const code = codeOf(error);
  if (code === '23505') {
    const constraint = (error as pg.DatabaseError).constraint;
    const mapped = new PlatformError('conflict', 'That is taken already', {
      cause: error,
      context: { constraint },
    });
    return Object.assign(mapped, { code, constraint });
  }
  if (
    (code !== undefined && (network.has(code) || passing.test(code))) ||
    lostConnection.test(error.message)
  ) {
    const mapped = new PlatformError('unavailable', "The platform's store does not answer", {
      hint: 'Try again in a moment; if it stays so, look at: moor status',
      cause: error,
      context: { code },
    });
    return code === undefined ? mapped : Object.assign(mapped, { code });
  }
  return error;
}

/** The constraint that a unique violation names, or undefined for any other error. */
export function violatedConstraint(error: unknown): string | undefined {
  return codeOf(error) === '23505' ? (error as { constraint?: string }).constraint : undefined;
}
