/**
 * Groups of real MySQL servers wired by hand, for tests of the driver alone: no agent, no platform.
 * Importing this file as root makes the process run as the account `mooring`, because mysqld refuses root.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import mysql from 'mysql2/promise';
import type { AckDurability, Assignment, InstanceSecrets, Member } from '../../src/domain/assignment.ts';
import type { Pack } from '../../src/domain/packs.ts';
import type { Rule } from '../../src/domain/rules.ts';
import { type Size, sizeOffers } from '../../src/domain/sizes.ts';
import type { DatabaseSession, InstanceContext } from '../../src/engines/engine.ts';
import { mysqlDriver } from '../../src/engines/mysql/driver.ts';
import { newId, newPassword } from '../../src/lib/ids.ts';
import { silentLog } from '../../src/lib/log.ts';
import { until } from '../../src/lib/wait.ts';
import { openAuthority } from '../../src/pki/authority.ts';

if (process.getuid?.() === 0) {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'mooring'], { encoding: 'utf8' }));
  const [uid, gid] = [id('-u'), id('-g')];
  process.setgroups?.([gid]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}

export type Workshop = {
  dir: string;
  pack: Pack;
  template: string;
  templateMs: number;
  group(
    members: number,
    k: number,
    options?: { size?: Size; ack?: AckDurability; deep?: boolean },
  ): Promise<Group>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** One template in a temporary directory, and every group made of it; disposing ends and removes all. */
export async function openWorkshop(pack: Pack): Promise<Workshop> {
  const dir = await mkdtemp(join(tmpdir(), 'mooring-mysql-'));
  const groups: Group[] = [];
  const template = join(dir, 'template');
  const began = performance.now();
  await mysqlDriver.buildTemplate(template, pack, silentLog);
  const templateMs = performance.now() - began;
  const authority = await openAuthority(join(dir, 'ca'));
  return {
    dir,
    pack,
    template,
    templateMs,
    async group(count, k, options = {}) {
      const home = join(dir, `group-${groups.length + 1}`, options.deep ? 'deep'.repeat(30) : '');
      const group = new Group(count, k, options.size ?? 'small', options.ack ?? 'memory');
      groups.push(group);
      const ports = await freePorts(count);
      const clusterId = newId();
      const markerUuid = newId();
      const secrets: InstanceSecrets = {
        adminPassword: newPassword(),
        replicationPassword: newPassword(),
        application: { user: 'orders', password: newPassword(), database: 'orders_db' },
      };
      for (const [index, port] of ports.entries()) {
        const name = `orders-${index + 1}`;
        const files = filesOf(join(home, name));
        for (const path of [files.volume, files.run, files.log, join(files.home, 'tls')]) {
          await mkdir(path, { recursive: true, mode: 0o700 });
        }
        const issued = await authority.issue({ commonName: name, addresses: ['127.0.0.1'] });
        await writeFile(files.tls.ca, issued.caPem);
        await writeFile(files.tls.cert, issued.certPem);
        await writeFile(files.tls.key, issued.keyPem, { mode: 0o600 });
        const identity = {
          clusterId,
          clusterName: 'orders',
          groupId: clusterId,
          instanceId: newId(),
          name,
          ordinal: index + 1,
          engine: 'mysql' as const,
          version: pack.version,
          size: group.size,
          zone: 'a',
          host: '127.0.0.1',
          port,
          agentPort: 0,
          markerUuid,
          systemId: '0',
        };
        const size = sizeOffers[group.size];
        group.add(new Instance(group, template, { identity, secrets, size, files, pack, log: silentLog }));
      }
      return group;
    },
    async [Symbol.asyncDispose]() {
      for (const group of groups) await group.kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export class Group {
  readonly instances: Instance[] = [];
  readonly k: number;
  readonly size: Size;
  readonly ack: AckDurability;
  readonly #count: number;
  term = 1;

  constructor(count: number, k: number, size: Size, ack: AckDurability) {
    this.#count = count;
    this.k = k;
    this.size = size;
    this.ack = ack;
  }

  add(instance: Instance): void {
    this.instances.push(instance);
    if (this.instances.length > this.#count) throw new Error('too many instances');
  }

  get leader(): Instance {
    return this.instances[0]!;
  }

  get standbys(): Instance[] {
    return this.instances.slice(1);
  }

  get members(): Member[] {
    return this.instances.map(({ context: { identity } }) => ({
      instanceId: identity.instanceId,
      name: identity.name,
      host: identity.host,
      port: identity.port,
      zone: identity.zone,
    }));
  }

  get rule(): Rule {
    const ids = this.members.map((member) => member.instanceId);
    return { term: this.term, leader: ids[0]!, cohort: ids, ackers: ids.slice(1), k: this.k };
  }

  /** What agents do for a new cluster, all members at once. */
  async create(): Promise<void> {
    await Promise.all([
      this.leader.copyTemplate().then(async () => {
        await this.leader.boot();
        await this.leader.lead();
      }),
      ...this.standbys.map(async (standby) => {
        await standby.copyTemplate();
        await standby.boot();
        await standby.session.follow(this.members[0]!, this.rule);
        await standby.session.open();
      }),
    ]);
  }

  async kill(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.kill()));
  }
}

export class Instance {
  readonly group: Group;
  readonly context: InstanceContext;
  readonly #template: string;
  #server: ChildProcess | null = null;
  #session: DatabaseSession | null = null;

  constructor(group: Group, template: string, context: InstanceContext) {
    this.group = group;
    this.#template = template;
    this.context = context;
  }

  get session(): DatabaseSession {
    return this.#session!;
  }

  get pid(): number {
    return this.#server!.pid!;
  }

  get exitCode(): number | null {
    return this.#server?.exitCode ?? null;
  }

  get assignment(): Assignment {
    const { group, context } = this;
    return {
      instanceId: context.identity.instanceId,
      generation: 1,
      term: group.term,
      role: group.leader === this ? 'leader' : 'standby',
      run: 'running',
      rule: group.rule,
      members: group.members,
      ack: group.ack,
      restartCount: 0,
    };
  }

  async copyTemplate(): Promise<void> {
    await promisify(execFile)('cp', ['-a', '--sparse=always', this.#template, this.context.files.data]);
  }

  /** Starts the server gated and opens the agent's session. */
  async boot(options: { provision?: boolean } = {}): Promise<void> {
    await this.spawn();
    this.#session = await this.connect();
    if (options.provision !== false) await this.session.provisionPlatform(this.assignment);
  }

  async spawn(): Promise<void> {
    const { context } = this;
    await mysqlDriver.prepare(context, this.assignment);
    const { file, args, env } = mysqlDriver.command(context);
    const log = await open(join(context.files.log, 'server.log'), 'a');
    this.#server = spawn(file, args, { cwd: context.files.home, env, stdio: ['ignore', log.fd, log.fd] });
    await once(this.#server, 'spawn');
    await log.close();
  }

  connect(): Promise<DatabaseSession> {
    const exited = new AbortController();
    this.#server?.once('exit', () => exited.abort(new Error(`the server exited:\n${this.serverLog()}`)));
    return until(`${this.context.identity.name} to answer`, () => mysqlDriver.connect(this.context), {
      deadlineMs: 30_000,
      maxEveryMs: 20,
      signal: exited.signal,
    });
  }

  /** From gated to open, as an agent does it on the leader. */
  async lead(): Promise<void> {
    const { session, group } = this;
    await session.enforceRule(group.rule, group.members);
    await session.prove(group.rule, AbortSignal.timeout(30_000));
    await session.provisionApplication();
    await session.allowWrites();
    await session.open();
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server && server.exitCode === null && server.signalCode === null) {
      const exit = once(server, 'exit');
      server.kill('SIGCONT');
      server.kill(signal);
      await exit;
    }
    await this.#session?.end();
    this.#session = null;
  }

  signal(signal: NodeJS.Signals): void {
    this.#server!.kill(signal);
  }

  async endSession(): Promise<void> {
    await this.#session?.end();
    this.#session = null;
  }

  async reconnect(): Promise<void> {
    await this.endSession();
    this.#session = await this.connect();
  }

  /** An application's connection, or Mooring's own administrator's. */
  async client(who: 'application' | 'admin' = 'application', tls = true): Promise<mysql.Connection> {
    const { identity, secrets, files } = this.context;
    const connection = await mysql.createConnection(
      who === 'admin'
        ? { socketPath: join(files.run, 'mysql.sock'), user: 'mooring', password: secrets.adminPassword }
        : {
            host: identity.host,
            port: identity.port,
            user: secrets.application.user,
            password: secrets.application.password,
            database: secrets.application.database,
            ...(tls ? { ssl: { ca: readFileSync(files.tls.ca, 'utf8') } } : {}),
          },
    );
    connection.on('error', () => {});
    return connection;
  }

  /** Runs statements as the administrator. */
  async admin(...statements: string[]): Promise<Record<string, unknown>[]> {
    const connection = await this.client('admin');
    try {
      let rows: unknown = [];
      for (const statement of statements) [rows] = await connection.query(statement);
      return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
    } finally {
      connection.destroy();
    }
  }

  residentBytes(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
  }

  serverLog(): string {
    return readFileSync(join(this.context.files.log, 'server.log'), 'utf8');
  }
}

function filesOf(home: string): InstanceContext['files'] {
  const tls = join(home, 'tls');
  return {
    home,
    volume: join(home, 'volume'),
    data: join(home, 'volume', 'data'),
    run: join(home, 'run'),
    log: join(home, 'log'),
    tls: { ca: join(tls, 'ca.crt'), cert: join(tls, 'server.crt'), key: join(tls, 'server.key') },
  };
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
