/**
 * The agent's session on a running server. Three kinds of connections: one for looking and for settings,
 * which never waits for a quorum; one for writes that do (quorum-writer.ts); and short-lived ones for
 * accounts.
 */
import type { Assignment, Member } from '../../domain/assignment.ts';
import type { Rule } from '../../domain/rules.ts';
import type { DatabaseObservation, Position } from '../../domain/status.ts';
import { PlatformError } from '../../lib/errors.ts';
import type { DatabaseSession, InstanceContext } from '../engine.ts';
import { ensureApplication, ensureReplicationAccount, ensureSlots } from './accounts.ts';
import { type Connection, connectLocally, type LocalOptions } from './connection.ts';
import { closeGate, isOpen, openGate, terminateClients } from './gate.ts';
import { synchronousStandbyNames } from './names.ts';
import { observe } from './observation.ts';
import { QuorumWriter } from './quorum-writer.ts';
import { follow, stopReceiver } from './replication.ts';
import { alterSystem } from './settings.ts';

export async function openSession(context: InstanceContext): Promise<DatabaseSession> {
  const control = await connectLocally(context, { unpinned: ['default_transaction_read_only'] });
  return new PostgresSession(context, control);
}

class PostgresSession implements DatabaseSession {
  readonly serverVersion: string;
  readonly #context: InstanceContext;
  readonly #control: Connection;
  readonly #writer: QuorumWriter;
  /** Connections that are open for one call; ended with the session. */
  readonly #passing = new Set<Connection>();
  #enforced: { term: number; names: string } | undefined;

  constructor(context: InstanceContext, control: Connection) {
    this.#context = context;
    this.#control = control;
    this.serverVersion = control.serverVersion;
    this.#writer = new QuorumWriter(() => connectLocally(context));
  }

  async observe(assignment: Assignment): Promise<DatabaseObservation> {
    return observe(this.#control, assignment, await isOpen(this.#context));
  }

  async provisionPlatform(assignment: Assignment): Promise<void> {
    if (!(await this.#isStandby())) {
      await this.#passingConnection({ settings: { synchronous_commit: 'local' } }, (connection) =>
        ensureReplicationAccount(connection, this.#context.secrets.replicationPassword),
      );
    }
    await ensureSlots(this.#control, assignment);
  }

  async enforceRule(rule: Rule, members: Member[]): Promise<void> {
    const names = synchronousStandbyNames(rule, members);
    const { rows } = await this.#control.query<{ names: string }>(
      `SELECT current_setting('synchronous_standby_names') AS names`,
    );
    const before = rows[0]?.names ?? '';
    // Clearing the list tells every waiting commit OK. The rule change has been decided, but what waits
    // was promised under the old rule: its clients must not take it for acknowledged.
    if (before !== '' && names === '') await this.#terminateWaiting();
    await alterSystem(this.#control, { synchronous_standby_names: names });
    // Whether anybody waits at all is decided by a flag that the checkpointer sets when it reloads.
    if (before === '' && names !== '' && !(await this.#isStandby())) await this.#control.query('CHECKPOINT');
    this.#enforced = { term: rule.term, names };
  }

  async prove(rule: Rule, signal: AbortSignal): Promise<void> {
    const enforced = this.#enforced;
    if (enforced === undefined || enforced.term !== rule.term) {
      throw new PlatformError(
        'conflict',
        `The rule of term ${rule.term} has to be put in force before it is proven`,
      );
    }
    await this.#writer.write(rule.term, enforced.names, signal);
    const newest = await this.#writer.newestMarker();
    if (newest !== rule.term) {
      throw new PlatformError(
        'conflict',
        `Term ${rule.term} is over: this database holds the marker of term ${newest}`,
      );
    }
  }

  async heartbeat(signal: AbortSignal): Promise<number> {
    const { term, names } = this.#enforced ?? (await this.#inForce());
    return this.#writer.write(term, names, signal);
  }

  async provisionApplication(): Promise<void> {
    await this.#passingConnection({}, (connection) =>
      ensureApplication(connection, this.#context.secrets.application),
    );
  }

  async allowWrites(): Promise<void> {
    if (await this.#isStandby())
      throw new PlatformError('conflict', 'This server is a standby; it takes no writes');
    await alterSystem(this.#control, { default_transaction_read_only: 'off' });
  }

  /**
   * Also reaches sessions that are open, from their next transaction on, unless they have chosen the
   * mode themselves: this protects a volume from well-behaved clients. Against others there is close().
   */
  async refuseWrites(): Promise<void> {
    await alterSystem(this.#control, { default_transaction_read_only: 'on' });
  }

  async follow(source: Member, _rule: Rule): Promise<void> {
    await follow(this.#context, this.#control, source);
  }

  async stopReceiver(): Promise<Position> {
    return stopReceiver(this.#control);
  }

  async open(): Promise<void> {
    await openGate(this.#context, this.#control);
  }

  async close(): Promise<void> {
    await closeGate(this.#context, this.#control);
  }

  /** A fast shutdown tells no client OK either, so that only a client that does not go is waited for. */
  async quiesce(deadlineMs: number): Promise<'quiet' | 'waiting'> {
    try {
      await terminateClients(this.#control, deadlineMs);
      return 'quiet';
    } catch (error) {
      if (error instanceof PlatformError && error.kind === 'timeout') return 'waiting';
      throw error;
    }
  }

  async end(): Promise<void> {
    this.#writer.end();
    this.#control.end();
    for (const connection of this.#passing) connection.end();
  }

  async #isStandby(): Promise<boolean> {
    const { rows } = await this.#control.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
    return rows[0]?.standby === true;
  }

  async #inForce(): Promise<{ term: number; names: string }> {
    const { rows } = await this.#control.query<{ term: number | null; names: string }>(
      `SELECT (SELECT max(term) FROM mooring.marker) AS term, current_setting('synchronous_standby_names') AS names`,
    );
    const row = rows[0];
    if (row === undefined || row.term === null)
      throw new PlatformError('conflict', 'No term has been proven here yet');
    return { term: row.term, names: row.names };
  }

  async #terminateWaiting(): Promise<void> {
    await this.#control.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`,
    );
  }

  async #passingConnection(
    options: LocalOptions,
    work: (connection: Connection) => Promise<void>,
  ): Promise<void> {
    const connection = await connectLocally(this.#context, options);
    this.#passing.add(connection);
    try {
      await work(connection);
    } finally {
      this.#passing.delete(connection);
      connection.end();
    }
  }
}
