/**
 * The agent's session on one running server.
 *
 * Quick questions and orders share one connection. Whatever may wait, for a quorum, a lock or a thread,
 * gets a connection of its own, so that observing never queues behind it.
 */
import type { Assignment, Member } from '../../domain/assignment.ts';
import type { Rule } from '../../domain/rules.ts';
import type { DatabaseObservation, Position } from '../../domain/status.ts';
import { PlatformError } from '../../lib/errors.ts';
import { until } from '../../lib/wait.ts';
import type { DatabaseSession, InstanceContext } from '../engine.ts';
import { adminUser, createApplication, givePlatformPasswords, replicationUser } from './accounts.ts';
import { Connection, endsWithin, errno, isSqlError, noDeadline } from './connection.ts';
import { observe } from './observation.ts';
import { socketFile } from './paths.ts';
import { enforceRule, QuorumWriter } from './quorum.ts';
import { follow, stopApplier, stopReceiver } from './replication.ts';

/** Turning writes off waits behind commits that wait for a quorum: it is tried this long. */
const refuseWritesMs = 500;
const applicationDeadlineMs = 30_000;

/** One attempt. On the very first boot the administrator still has the template's empty password. */
export async function openSession(context: InstanceContext): Promise<MysqlSession> {
  const open = (password: string) =>
    Connection.open({ socket: socketFile(context.files), user: adminUser, password });
  const { adminPassword } = context.secrets;
  let provisioned = true;
  const control = await open(adminPassword).catch((error) => {
    if (!isSqlError(error, errno.accessDenied)) throw error;
    provisioned = false;
    return open('');
  });
  const { version } = await control.row('SELECT VERSION() AS version');
  return new MysqlSession(context, control, () => open(adminPassword), String(version), provisioned);
}

class MysqlSession implements DatabaseSession {
  readonly serverVersion: string;
  readonly #context: InstanceContext;
  readonly #control: Connection;
  readonly #openAdmin: () => Promise<Connection>;
  readonly #writer: QuorumWriter;
  readonly #asides = new Set<Connection>();
  #provisioned: boolean;

  constructor(
    context: InstanceContext,
    control: Connection,
    openAdmin: () => Promise<Connection>,
    serverVersion: string,
    provisioned: boolean,
  ) {
    this.#context = context;
    this.#control = control;
    this.#openAdmin = openAdmin;
    this.#writer = new QuorumWriter(openAdmin, context.identity.markerUuid);
    this.serverVersion = serverVersion;
    this.#provisioned = provisioned;
  }

  observe(assignment: Assignment): Promise<DatabaseObservation> {
    const own = 1 + this.#asides.size + this.#writer.connections;
    return observe(this.#control, assignment, own);
  }

  async provisionPlatform(): Promise<void> {
    if (this.#provisioned) return;
    await givePlatformPasswords(this.#control, this.#context.secrets);
    this.#provisioned = true;
  }

  enforceRule(rule: Rule): Promise<void> {
    return this.#aside((connection) => enforceRule(connection, rule));
  }

  prove(rule: Rule, signal: AbortSignal): Promise<void> {
    return this.#writer.prove(rule, signal);
  }

  heartbeat(signal: AbortSignal): Promise<number> {
    return this.#writer.heartbeat(signal);
  }

  provisionApplication(): Promise<void> {
    const { application } = this.#context.secrets;
    return this.#aside((connection) => createApplication(connection, application, applicationDeadlineMs));
  }

  async allowWrites(): Promise<void> {
    await this.#control.run(['SET GLOBAL read_only = OFF']);
  }

  /** Not super_read_only: the heartbeat must go on while clients may not write. */
  refuseWrites(): Promise<void> {
    return this.#aside(async (connection) => {
      const set = connection.run(['SET GLOBAL read_only = ON'], noDeadline);
      if (!(await endsWithin(set, refuseWritesMs))) {
        await this.#control.run([`KILL QUERY ${connection.id}`]);
      }
      await set.catch((error) => {
        if (!isSqlError(error, errno.queryInterrupted)) throw error;
        throw new PlatformError(
          'timeout',
          'Writes cannot be refused while commits wait for acknowledgements',
          {
            hint: 'Clients can be cut off instead.',
          },
        );
      });
    });
  }

  follow(source: Member, rule: Rule): Promise<void> {
    return this.#aside((connection) => follow(connection, this.#context, source, rule));
  }

  stopReceiver(): Promise<Position> {
    return this.#aside(stopReceiver);
  }

  async open(): Promise<void> {
    await this.#control.run(['SET GLOBAL offline_mode = OFF']);
  }

  async close(): Promise<void> {
    await this.#control.run(['SET GLOBAL offline_mode = ON']);
  }

  async quiesce(deadlineMs: number): Promise<'quiet' | 'waiting'> {
    await this.close();
    const [replica] = await this.#control.run(['SHOW REPLICA STATUS']);
    if (replica?.[0]) await this.#stopReplication();
    try {
      await until('commits to end', () => this.#isQuiet(), { deadlineMs, everyMs: 5, maxEveryMs: 50 });
      await this.#endDumps();
      return 'quiet';
    } catch (error) {
      if (error instanceof PlatformError && error.kind === 'timeout' && !this.#control.lost) return 'waiting';
      throw error;
    }
  }

  async end(): Promise<void> {
    this.#writer.end();
    for (const connection of this.#asides) connection.destroy();
    this.#control.close();
  }

  /** No session but the agent's and replication's is left; a commit that waits keeps its session. */
  async #isQuiet(): Promise<boolean> {
    const [threads] = await this.#control.run(['SHOW PROCESSLIST']);
    return (threads ?? []).every(({ User, Id, State, Command }) => {
      if (User === 'system user' || User === 'event_scheduler' || User === replicationUser) return true;
      if (Id === this.#control.id) return true;
      // Idle connections of the agent are no commits; one that writes is.
      return User === adminUser && Command === 'Sleep' && !String(State).includes('ACK');
    });
  }

  /**
   * Ends the threads that send the binary log. A shutdown of the server waits for them until the
   * standbys give up after replica_net_timeout (measured: 11 s instead of 1 s); they have nothing left
   * to send that anybody waits for, and come back by themselves.
   */
  async #endDumps(): Promise<void> {
    const [threads] = await this.#control.run(['SHOW PROCESSLIST']);
    const dumps = (threads ?? []).filter(({ Command }) => String(Command).startsWith('Binlog Dump'));
    for (const { Id } of dumps) {
      // One that has ended by itself meanwhile is what we want.
      await this.#control.run([`KILL ${Number(Id)}`]).catch(() => {});
    }
  }

  /** A standby's threads end here, with a bound, rather than within the server's own shutdown. */
  async #stopReplication(): Promise<void> {
    await this.#aside(async (connection) => {
      await stopReceiver(connection);
      await stopApplier(connection, this.#control);
    });
  }

  async #aside<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = this.#provisioned ? await this.#openAdmin() : this.#control;
    if (connection === this.#control) return work(connection);
    this.#asides.add(connection);
    try {
      return await work(connection);
    } finally {
      this.#asides.delete(connection);
      connection.close();
    }
  }
}
