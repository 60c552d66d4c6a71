/**
 * One connection to one MySQL server, with what this room needs and mysql2 lacks: a deadline for every
 * call, errors that carry no statement text (it may hold a password), one answer per statement.
 *
 * A call that misses its deadline destroys the connection: what the server is still doing is unknown.
 */
import { open as openFile } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import { basename, dirname } from 'node:path';
import mysql from 'mysql2';
import { PlatformError } from '../../lib/errors.ts';

export type Row = Record<string, unknown>;

export type Target = ({ socket: string } | { host: string; port: number; ca: string }) & {
  user: string;
  password: string;
};

/** An error that the server answered with. */
export class SqlError extends Error {
  readonly errno: number;
  constructor(errno: number, message: string) {
    super(message);
    this.name = 'SqlError';
    this.errno = errno;
  }
}

export const errno = {
  accessDenied: 1045,
  accountLocked: 3118,
  optionPreventsStatement: 1290,
  queryInterrupted: 1317,
} as const;

export function isSqlError(error: unknown, ...numbers: number[]): error is SqlError {
  return error instanceof SqlError && numbers.includes(error.errno);
}

export const noDeadline = Number.POSITIVE_INFINITY;
const defaultDeadlineMs = 5000;

export class Connection {
  readonly #raw: mysql.Connection;
  #lost: Error | null = null;

  private constructor(raw: mysql.Connection) {
    this.#raw = raw;
    raw.on('error', (error) => {
      this.#lost ??= error;
    });
  }

  static open(target: Target, deadlineMs = 3000): Promise<Connection> {
    if (!('socket' in target)) return Connection.#open(target, deadlineMs);
    return withShortPath(target.socket, (socket) => Connection.#open({ ...target, socket }, deadlineMs));
  }

  static async #open(target: Target, deadlineMs: number): Promise<Connection> {
    const raw = mysql.createConnection({
      ...('socket' in target
        ? // Over a local socket the password may be sent as it is; mysql2 wants to be told so.
          { socketPath: target.socket, stream: () => connectSocket(target.socket) }
        : {
            host: target.host,
            port: target.port,
            // Members are known by the platform's CA, not by name: their addresses may change.
            ssl: { ca: target.ca, rejectUnauthorized: true, verifyIdentity: false },
          }),
      user: target.user,
      password: target.password,
      multipleStatements: true,
      connectTimeout: deadlineMs,
      enableKeepAlive: false,
    });
    const connection = new Connection(raw);
    await new Promise<void>((resolve, reject) => {
      raw.connect((error) => (error ? reject(plain(error)) : resolve()));
    }).catch((error) => {
      raw.destroy();
      throw error;
    });
    return connection;
  }

  get id(): number {
    return this.#raw.threadId ?? 0;
  }

  get lost(): boolean {
    return this.#lost !== null;
  }

  /** Runs the statements in one round trip, in order, until one fails; one list of rows per statement. */
  async run(statements: readonly string[], deadlineMs = defaultDeadlineMs): Promise<Row[][]> {
    if (this.#lost) throw unavailable(this.#lost);
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Row[][]>((resolve, reject) => {
        if (Number.isFinite(deadlineMs)) {
          timer = setTimeout(() => {
            this.destroy();
            reject(new PlatformError('timeout', `MySQL did not answer within ${deadlineMs} ms`));
          }, deadlineMs);
        }
        this.#raw.query(statements.join(';\n'), (error, result) => {
          if (error) reject(plain(error));
          else resolve(rowsOf(statements.length === 1 ? [result] : (result as unknown[])));
        });
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** The first row of one statement. */
  async row(statement: string, deadlineMs?: number): Promise<Row> {
    const [rows] = await this.run([statement], deadlineMs);
    return rows?.[0] ?? {};
  }

  /** Says goodbye, so that the server need not log a lost client. */
  close(): void {
    if (this.#lost) return;
    this.#lost = new Error('closed');
    this.#raw.end(() => {});
  }

  destroy(): void {
    this.#lost ??= new Error('destroyed');
    this.#raw.destroy();
  }
}

/** Whether the work ended, well or not, within the time. */
export async function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const ended = work.then(
    () => true,
    () => true,
  );
  return Promise.race([ended, late]).finally(() => clearTimeout(timer));
}

/** sockaddr_un holds 108 bytes: a longer path is reached through the descriptor of its directory. */
async function withShortPath<T>(path: string, use: (path: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= 100) return use(path);
  const directory = await openFile(dirname(path)).catch((error) => {
    throw unavailable(error);
  });
  try {
    return await use(`/proc/self/fd/${directory.fd}/${basename(path)}`);
  } finally {
    await directory.close();
  }
}

/** A string literal. */
export function literal(text: string): string {
  return mysql.escape(text);
}

/** A quoted name of a schema, table or column. */
export function identifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

function rowsOf(results: unknown[]): Row[][] {
  return results.map((result) => (Array.isArray(result) ? (result as Row[]) : []));
}

function plain(error: mysql.QueryError): Error {
  // The server's own errors have numbers; what mysql2 or the socket report is a lost connection.
  if (error.errno && error.errno > 0 && !error.fatal) return new SqlError(error.errno, error.message);
  if (error.errno === errno.accessDenied || error.errno === errno.accountLocked) {
    return new SqlError(error.errno, error.message);
  }
  return unavailable(error);
}

function unavailable(error: Error): PlatformError {
  const { code, errno: number } = error as { code?: string; errno?: number };
  return new PlatformError('unavailable', `MySQL does not answer: ${error.message}`, {
    context: { code, errno: number },
  });
}
