/**
 * Groups of real servers for the tests of this driver, wired by hand as an agent would do it. Servers
 * refuse root, so a test that is started by root goes on as an unprivileged account.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Assignment, InstanceIdentity, Member } from '../../domain/assignment.ts';
import type { Pack } from '../../domain/packs.ts';
import { sizeOffers } from '../../domain/sizes.ts';
import { silentLog } from '../../lib/log.ts';
import { until } from '../../lib/wait.ts';
import type { DatabaseSession, InstanceContext } from '../engine.ts';
import { postgresDriver } from './driver.ts';

export type Authority = {
  issue(subject: {
    commonName: string;
    addresses: string[];
  }): Promise<{ certPem: string; keyPem: string; caPem: string }>;
};

export function findPack(version = '17'): Pack | undefined {
  const file = join(process.env.MOORING_PACKS ?? '', `postgres-${version}`, 'pack.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Pack) : undefined;
}

/** A directory of the account that the test then runs as. */
export function unprivilegedDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mooring-pg-'));
  if (process.getuid?.() === 0) {
    const account = ['mooring', 'nobody'].find((name) =>
      readFileSync('/etc/passwd', 'utf8').includes(`\n${name}:`),
    );
    const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, String(account)])));
    chownSync(directory, Number(uid), Number(gid));
    process.setgroups?.([]);
    process.setgid?.(Number(gid));
    process.setuid?.(Number(uid));
  }
  return directory;
}

export type Instance = {
  context: InstanceContext;
  assignment: Assignment;
  member: Member;
  server: ChildProcess | undefined;
  session: DatabaseSession | undefined;
};

export class Group {
  readonly instances: Instance[];
  readonly directory: string;

  private constructor(directory: string, instances: Instance[]) {
    this.directory = directory;
    this.instances = instances;
  }

  static async make(options: {
    directory: string;
    template: string;
    pack: Pack;
    authority: Authority;
    name: string;
    standbys: number;
    k: number;
    systemId: string;
  }): Promise<Group> {
    const { name, pack } = options;
    const directory = join(options.directory, name);
    const ports = await freePorts(options.standbys + 1);
    const members: Member[] = ports.map((port, index) => ({
      instanceId: `${name}-id-${index + 1}`,
      name: `${name}-${index + 1}`,
      host: `127.20.${index + 1}.1`,
      port,
      zone: 'abc'[index % 3] ?? 'a',
    }));
    const ids = members.map((member) => member.instanceId);
    const rule = { term: 1, leader: ids[0] ?? '', cohort: ids, ackers: ids.slice(1), k: options.k };
    const instances = await Promise.all(
      members.map(async (member, index): Promise<Instance> => {
        const home = join(directory, member.name);
        const files = {
          home,
          volume: join(home, 'volume'),
          data: join(home, 'volume', 'data'),
          run: join(home, 'run'),
          log: join(home, 'log'),
          tls: {
            ca: join(home, 'tls', 'ca.crt'),
            cert: join(home, 'tls', 'server.crt'),
            key: join(home, 'tls', 'server.key'),
          },
        };
        for (const path of [files.volume, files.run, files.log, join(home, 'tls')])
          mkdirSync(path, { recursive: true });
        const certificate = await options.authority.issue({
          commonName: member.name,
          addresses: [member.host],
        });
        writeFileSync(files.tls.ca, certificate.caPem);
        writeFileSync(files.tls.cert, certificate.certPem);
        writeFileSync(files.tls.key, certificate.keyPem);
        const identity: InstanceIdentity = {
          clusterId: name,
          clusterName: name,
          groupId: name,
          instanceId: member.instanceId,
          name: member.name,
          ordinal: index + 1,
          engine: 'postgres',
          version: pack.version,
          size: 'small',
          zone: member.zone,
          host: member.host,
          port: member.port,
          agentPort: 0,
          markerUuid: '00000000-0000-7000-8000-000000000000',
          systemId: options.systemId,
        };
        return {
          member,
          context: {
            identity,
            secrets: {
              adminPassword: 'unused',
              replicationPassword: `re:pl\\ic-${name}`,
              application: { user: 'shop', password: `p'w-${name}`, database: 'shop' },
            },
            size: sizeOffers.small,
            files,
            pack,
            log: silentLog,
          },
          assignment: {
            instanceId: member.instanceId,
            generation: 1,
            term: 1,
            role: index === 0 ? 'leader' : 'standby',
            run: 'running',
            rule,
            members,
            ack: 'memory',
            restartCount: 0,
          },
          server: undefined,
          session: undefined,
        };
      }),
    );
    return new Group(directory, instances);
  }

  at(index: number): Instance {
    const instance = this.instances[index];
    if (instance === undefined) throw new Error(`the group has no instance ${index}`);
    return instance;
  }

  /** Copies the template, starts everybody at once and goes on until the leader's marker is acknowledged. */
  async create(template: string): Promise<void> {
    await Promise.all(
      this.instances.map(async (instance) => {
        const copy = spawn('cp', ['-a', '--reflink=auto', template, instance.context.files.data]);
        await once(copy, 'close');
        await start(instance);
        await sessionOf(instance).provisionPlatform(instance.assignment);
      }),
    );
    await lead(this.at(0));
  }

  async destroy(): Promise<void> {
    await Promise.all(this.instances.map((instance) => kill(instance)));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export async function lead(leader: Instance): Promise<void> {
  const session = sessionOf(leader);
  await session.enforceRule(leader.assignment.rule, leader.assignment.members);
  await session.prove(leader.assignment.rule, AbortSignal.timeout(15_000));
}

export async function start(instance: Instance): Promise<DatabaseSession> {
  const { context, assignment } = instance;
  await postgresDriver.prepare(context, assignment);
  const command = postgresDriver.command(context);
  const log = openSync(join(context.files.log, 'server.log'), 'a');
  const server = spawn(command.file, command.args, { env: command.env, stdio: ['ignore', log, log] });
  instance.server = server;
  instance.session = await until(
    'the server to accept the agent',
    () => {
      if (server.exitCode !== null) throw new Error(`the server exited with ${server.exitCode}`);
      return postgresDriver.connect(context);
    },
    { deadlineMs: 15_000, everyMs: 5, maxEveryMs: 10 },
  );
  return instance.session;
}

export function sessionOf(instance: Instance): DatabaseSession {
  if (instance.session === undefined) throw new Error(`${instance.member.name} has no session`);
  return instance.session;
}

export async function kill(instance: Instance, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  await instance.session?.end();
  instance.session = undefined;
  const server = instance.server;
  instance.server = undefined;
  if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const closed = once(server, 'exit');
  server.kill(signal);
  await closed;
}

/** An application's connection, as any client makes it. */
export async function applicationClient(
  instance: Instance,
  overrides: pg.ClientConfig = {},
): Promise<pg.Client> {
  const { user, password, database } = instance.context.secrets.application;
  const client = new pg.Client({
    host: instance.member.host,
    port: instance.member.port,
    user,
    password,
    database,
    connectionTimeoutMillis: 5000,
    ...overrides,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

export function serverLog(instance: Instance): string {
  return readFileSync(join(instance.context.files.log, 'server.log'), 'utf8');
}

/** Proportional and resident memory of a server with all its processes, in MiB. */
export function memoryOf(pid: number): { pssMb: number; rssMb: number } {
  const pids = execFileSync('ps', ['-o', 'pid=', '--pid', String(pid), '--ppid', String(pid)])
    .toString()
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  let pss = 0;
  let rss = 0;
  for (const each of pids) {
    const rollup = readFileSync(`/proc/${each}/smaps_rollup`, 'utf8');
    pss += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
    rss += Number(/^Rss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
  }
  return { pssMb: Math.round(pss / 1024), rssMb: Math.round(rss / 1024) };
}

async function freePorts(count: number): Promise<number[]> {
  const listeners = await Promise.all(
    Array.from({ length: count }, async () => {
      const listener = createServer();
      listener.listen(0, '127.0.0.1');
      await once(listener, 'listening');
      return listener;
    }),
  );
  const ports = listeners.map((listener) => (listener.address() as { port: number }).port);
  for (const listener of listeners) listener.close();
  return ports;
}
