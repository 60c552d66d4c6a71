/**
 * Announcing changes with LISTEN/NOTIFY. Messages are hints: whoever misses one (a connection was
 * lost) is told to look at everything again, and every reader polls slowly besides.
 */
import { type RawBuilder, sql } from 'kysely';
import pg from 'pg';
import { type Change, changesChannel } from '../domain/changes.ts';
import type { Log } from '../lib/log.ts';
import type { Db } from './store.ts';

/** Delivered when the transaction commits. */
export async function notify(db: Db, change: Change): Promise<void> {
  await sql`select ${notification(change)}`.execute(db);
}

/** The same as an expression, so that a statement can announce what it does (in `returning`). */
export function notification(change: Change): RawBuilder<unknown> {
  return sql`pg_notify(${changesChannel}, ${JSON.stringify(change)})`;
}

export type Listening = AsyncDisposable & { close(): Promise<void> };

const firstPauseMs = 50;
const longestPauseMs = 2_000;

export async function listenForChanges(
  config: pg.ClientConfig,
  log: Log,
  onChange: (change: Change) => void,
  onReconnect?: () => void,
): Promise<Listening> {
  let closed = false;
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let pauseMs = firstPauseMs;

  const connect = async (): Promise<void> => {
    const next = new pg.Client(config);
    // Until then, failing is connect()'s own answer; counted twice, the attempts would multiply.
    let established = false;
    let lost = false;
    const lose = (error?: Error) => {
      if (lost) return;
      lost = true;
      next.end().catch(() => {});
      if (closed || !established) return;
      log.warn({ error }, 'lost the connection that listens for changes');
      again();
    };
    next.on('error', lose);
    next.on('end', () => lose());
    next.on('notification', (message) => {
      if (message.payload === undefined) return;
      try {
        onChange(JSON.parse(message.payload) as Change);
      } catch (error) {
        log.error({ error, payload: message.payload }, 'could not handle a change');
      }
    });
    try {
      await next.connect();
      await next.query(`listen ${changesChannel}`);
    } catch (error) {
      lose();
      throw error;
    }
    if (lost) throw new Error('the connection ended while it was made');
    established = true;
    client = next;
    pauseMs = firstPauseMs;
    if (closed) await next.end();
  };

  const again = () => {
    timer = setTimeout(() => {
      connect().then(
        () => onReconnect?.(),
        () => !closed && again(),
      );
    }, pauseMs);
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  };

  await connect();
  const close = async () => {
    closed = true;
    clearTimeout(timer);
    await client?.end().catch(() => {});
  };
  return { close, [Symbol.asyncDispose]: close };
}
