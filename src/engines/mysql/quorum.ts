/**
 * The leader's side of the durability rule: the quorum in force, the proof that a term still holds, and
 * the heartbeat that keeps measuring it.
 *
 * Whatever waits for a quorum runs on a connection of its own. Whoever asked may stop waiting; the
 * transaction goes on, and the next caller joins it or writes another one: the acknowledgement of a later
 * transaction also releases an earlier one whose own was lost.
 */
import type { Rule } from '../../domain/rules.ts';
import { systemClock } from '../../lib/clock.ts';
import { PlatformError } from '../../lib/errors.ts';
import { heartbeatRows, platformSchema } from './accounts.ts';
import { type Connection, literal, noDeadline } from './connection.ts';

/** Waiting writes at a time: more would fill the server with sessions while a quorum is away. */
const mostWaiting = 4;
/** The same, for writes that follow the arrival of a standby; see #watch. */
const mostNudges = 32;
const watchEveryMs = 10;
const watchSlowlyMs = 200;

export async function enforceRule(connection: Connection, rule: Rule): Promise<void> {
  const now = await connection.row(
    `SELECT @@GLOBAL.rpl_semi_sync_source_enabled AS enabled, @@GLOBAL.rpl_semi_sync_replica_enabled AS replica,
       @@GLOBAL.rpl_semi_sync_source_wait_for_replica_count AS k,
       (SELECT COUNT(*) FROM performance_schema.replication_applier_status WHERE service_state = 'ON') AS appliers`,
  );
  const enabled = Number(now.enabled) === 1;
  if (rule.k === 0) {
    // Takes up to a second, so only when it changes something.
    if (enabled) await connection.run(['SET GLOBAL rpl_semi_sync_source_enabled = OFF']);
    return;
  }
  if (Number(now.appliers) > 0) {
    throw new PlatformError(
      'conflict',
      'This server still applies from a source; a quorum would block its applier',
    );
  }
  const changes = [
    Number(now.k) !== rule.k && `SET GLOBAL rpl_semi_sync_source_wait_for_replica_count = ${rule.k}`,
    Number(now.replica) === 1 && 'SET GLOBAL rpl_semi_sync_replica_enabled = OFF',
    !enabled && 'SET GLOBAL rpl_semi_sync_source_enabled = ON',
  ].filter((change) => change !== false);
  if (changes.length > 0) await connection.run(changes);
}

export class QuorumWriter {
  readonly #open: () => Promise<Connection>;
  readonly #markerUuid: string;
  #idle: Connection | null = null;
  #slot = Math.floor(Math.random() * heartbeatRows);
  #term = 0;
  #watching = false;
  #ended = false;
  readonly #waiting = new Map<Connection, Promise<void>>();
  readonly #markers = new Map<number, Promise<void>>();

  constructor(open: () => Promise<Connection>, markerUuid: string) {
    this.#open = open;
    this.#markerUuid = markerUuid;
  }

  /** Resolves once k ackers have a transaction of this term; see DatabaseSession.prove. */
  async prove(rule: Rule, signal: AbortSignal): Promise<void> {
    this.#term = rule.term;
    let proof = this.#markers.get(rule.term);
    if (!proof) {
      proof = this.#proveOnce(rule).finally(() => this.#markers.delete(rule.term));
      this.#markers.set(rule.term, proof);
    }
    await abortable(proof, signal);
  }

  /** One row, acknowledged by the quorum; returns how long that took. */
  async heartbeat(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    const began = performance.now();
    if (this.#waiting.size >= mostWaiting) await abortable(Promise.race(this.#waiting.values()), signal);
    else await abortable(this.#write(), signal);
    return performance.now() - began;
  }

  end(): void {
    this.#ended = true;
    this.#idle?.close();
    this.#idle = null;
    for (const connection of this.#waiting.keys()) connection.destroy();
  }

  /** Connections that this writer holds open. */
  get connections(): number {
    return this.#waiting.size + (this.#idle ? 1 : 0) + (this.#watching ? 1 : 0);
  }

  async #proveOnce(rule: Rule): Promise<void> {
    const gtid = literal(`${this.#markerUuid}:${rule.term}`);
    const executed = `SELECT GTID_SUBSET(${gtid}, @@GLOBAL.gtid_executed) AS executed`;
    await this.#withConnection(async (connection) => {
      const before = await connection.row(executed);
      if (Number(before.executed) === 1) {
        // A known GTID is skipped without a word and proves nothing: write something new instead.
        await connection.run(['SET GLOBAL super_read_only = OFF', ...this.#beat()], noDeadline);
      } else {
        await connection.run(
          [`SET GTID_NEXT = ${gtid}`, 'BEGIN', 'COMMIT', "SET GTID_NEXT = 'AUTOMATIC'"],
          noDeadline,
        );
        const after = await connection.row(executed);
        if (Number(after.executed) !== 1) {
          throw new PlatformError('conflict', `The marker of term ${rule.term} was skipped by the server`);
        }
      }
      await assertQuorumWasAwaited(connection, rule.k);
    });
  }

  /**
   * While something waits: one more write each time a standby arrives. Its acknowledgement counts for all
   * earlier ones, and they may need it: the server looks at the socket of a new standby only once another
   * one has spoken or a second has passed, and a standby that had received a transaction before it came
   * back never acknowledges that one again.
   */
  async #watch(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    let connection: Connection | null = null;
    try {
      connection = await this.#open();
      const began = performance.now();
      let known = 0;
      while (this.#waiting.size > 0 && !this.#ended) {
        const status = await connection.row("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_source_clients'");
        const clients = Number(status.Value ?? 0);
        if (clients > known && this.#waiting.size < mostNudges) void this.#nudge();
        known = clients;
        const young = performance.now() - began < 2000;
        await systemClock.delay(young ? watchEveryMs : watchSlowlyMs);
      }
    } catch {
      // A lost server ends the waiting as well; whoever waits says so.
    } finally {
      connection?.close();
      this.#watching = false;
    }
  }

  async #nudge(): Promise<void> {
    const gated = this.#markers.size > 0;
    const statements = [...(gated ? ['SET GLOBAL super_read_only = OFF'] : []), ...this.#beat()];
    await this.#withConnection(async (connection) => {
      await connection.run(statements, noDeadline);
    }).catch(() => {});
  }

  async #write(): Promise<void> {
    await this.#withConnection(async (connection) => {
      await connection.run(this.#beat(), noDeadline);
    });
  }

  #beat(): string[] {
    this.#slot = (this.#slot + 1) % heartbeatRows;
    return [
      `INSERT INTO ${platformSchema}.heartbeat (slot, term, at) VALUES (${this.#slot}, ${this.#term}, NOW(6))
       ON DUPLICATE KEY UPDATE term = VALUES(term), at = VALUES(at)`,
    ];
  }

  async #withConnection(work: (connection: Connection) => Promise<void>): Promise<void> {
    const connection = this.#takeIdle() ?? (await this.#open());
    const done = work(connection);
    this.#waiting.set(connection, done);
    const slow = setTimeout(() => void this.#watch(), watchEveryMs);
    try {
      await done;
    } catch (error) {
      // Its session state, GTID_NEXT for one, is unknown.
      connection.destroy();
      throw error;
    } finally {
      clearTimeout(slow);
      this.#waiting.delete(connection);
    }
    if (this.#idle || this.#ended || connection.lost) connection.close();
    else this.#idle = connection;
  }

  #takeIdle(): Connection | null {
    const idle = this.#idle;
    this.#idle = null;
    return idle && !idle.lost ? idle : null;
  }
}

/** A commit that returned says nothing unless the server was waiting for k acknowledgements. */
async function assertQuorumWasAwaited(connection: Connection, k: number): Promise<void> {
  if (k === 0) return;
  const [[variables], [status]] = (await connection.run([
    `SELECT @@GLOBAL.rpl_semi_sync_source_enabled AS enabled,
       @@GLOBAL.rpl_semi_sync_source_wait_for_replica_count AS k`,
    "SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_source_status'",
  ])) as [Record<string, unknown>[], Record<string, unknown>[]];
  if (Number(variables?.enabled) === 1 && Number(variables?.k) >= k && status?.Value === 'ON') return;
  throw new PlatformError('conflict', `The server did not wait for ${k} acknowledgements`, {
    context: { ...variables, status: status?.Value },
  });
}

/** Ends the waiting, not the work. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) {
      work.catch(() => {});
      return reject(signal.reason);
    }
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
