/**
 * The leader's writes that a quorum must acknowledge, on a connection of their own: such a commit waits
 * for as long as the quorum does not answer, and must not hold up anything else.
 *
 * A write counts as acknowledged only if all of this holds: the rule that the caller means is in force
 * in this session, no newer term has been here, and the commit came back without a warning. (A cancelled
 * wait is answered with COMMIT and a warning; the transaction is then on the leader alone.)
 */
import { PlatformError } from '../../lib/errors.ts';
import type { Connection } from './connection.ts';

/** One statement, so one transaction and one round trip: the term's marker if it is new, and the heartbeat. */
const writeStatement = `
  WITH permitted AS (
    SELECT 1 WHERE current_setting('synchronous_standby_names') = $2
      AND current_setting('synchronous_commit') = 'on'
      AND NOT EXISTS (SELECT FROM mooring.marker WHERE term > $1)
  ), mark AS (
    INSERT INTO mooring.marker (term, at) SELECT $1, now() FROM permitted
      WHERE NOT EXISTS (SELECT FROM mooring.marker WHERE term = $1)
      ON CONFLICT (term) DO NOTHING
  )
  UPDATE mooring.heartbeat SET term = $1, beat = beat + 1, at = now() WHERE id = 1 AND EXISTS (SELECT FROM permitted)`;

const readBackStatement = `
  SELECT current_setting('synchronous_standby_names') AS names,
         (SELECT max(term) FROM mooring.marker) AS term`;

type Write = { term: number; names: string; startedMs: number; done: Promise<number> };

export class QuorumWriter {
  readonly #connect: () => Promise<Connection>;
  #connection: Connection | undefined;
  #underWay: Write | undefined;
  #ended = false;

  constructor(connect: () => Promise<Connection>) {
    this.#connect = connect;
  }

  /**
   * Resolves with the latency in ms when the write is acknowledged. The signal ends the caller's wait
   * only: the transaction goes on waiting, and the next call joins it.
   */
  async write(term: number, names: string, signal: AbortSignal): Promise<number> {
    for (;;) {
      signal.throwIfAborted();
      this.#underWay ??= this.#start(term, names);
      const write = this.#underWay;
      const same = write.term === term && write.names === names;
      const latency = await ended(write.done, signal).catch((error) => {
        if (same || signal.aborted) throw error;
        return undefined;
      });
      if (same && latency !== undefined) return latency;
    }
  }

  end(): void {
    this.#ended = true;
    this.#connection?.end();
    this.#connection = undefined;
  }

  #start(term: number, names: string): Write {
    const startedMs = performance.now();
    const done = this.#attempt(term, names)
      .then(() => performance.now() - startedMs)
      .finally(() => {
        this.#underWay = undefined;
      });
    // A caller that stopped waiting must not turn a later failure into an unhandled one.
    done.catch(() => {});
    return { term, names, startedMs, done };
  }

  async #attempt(term: number, names: string): Promise<void> {
    const connection = await this.#connected();
    try {
      connection.takeWarnings();
      const { rowCount } = await connection.query(writeStatement, [term, names]);
      const warnings = connection.takeWarnings();
      if (warnings.length > 0) {
        throw new PlatformError('unavailable', `The write was not acknowledged: ${warnings.join('; ')}`);
      }
      if (rowCount === 1) return;
      const { rows } = await connection.query<{ names: string; term: number | null }>(readBackStatement);
      throw refusal(term, names, rows[0]);
    } catch (error) {
      if (!(error instanceof PlatformError)) this.#drop(connection);
      throw error;
    }
  }

  async #connected(): Promise<Connection> {
    if (this.#connection !== undefined) {
      try {
        this.#connection.assertUp();
        return this.#connection;
      } catch {
        this.#connection = undefined;
      }
    }
    const connection = await this.#connect();
    if (this.#ended) {
      connection.end();
      throw new PlatformError('cancelled', 'The session has ended');
    }
    this.#connection = connection;
    return connection;
  }

  #drop(connection: Connection): void {
    connection.end();
    if (this.#connection === connection) this.#connection = undefined;
  }

  /** The newest term whose marker this database holds; read in the writer's own session. */
  async newestMarker(): Promise<number | null> {
    const { rows } = await (await this.#connected()).query<{ term: number | null }>(readBackStatement);
    return rows[0]?.term ?? null;
  }
}

function refusal(
  term: number,
  names: string,
  seen: { names: string; term: number | null } | undefined,
): PlatformError {
  if (seen !== undefined && seen.term !== null && seen.term > term) {
    return new PlatformError(
      'conflict',
      `Term ${term} is over: this database holds the marker of term ${seen.term}`,
    );
  }
  return new PlatformError('unavailable', 'The durability rule is not in force yet', {
    context: { expected: names, found: seen?.names },
  });
}

function ended<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
