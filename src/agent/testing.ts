/**
 * Homes, agents as processes and a controller that only listens, for tests. Started by root, agents
 * and servers run as an unprivileged account, as they do in earnest.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttps, type Server } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Assignment, InstanceIdentity, Member } from '../domain/assignment.ts';
import type { EngineKind } from '../domain/engines.ts';
import type { Pack } from '../domain/packs.ts';
import type { InstanceStatus } from '../domain/status.ts';
import { newId } from '../lib/ids.ts';
import { until } from '../lib/wait.ts';
import { type AgentClient, createAgentClient } from './contract/client.ts';
import type { AgentLaunch } from './contract/contract.ts';
import { agentNodeFlags } from './contract/launch.ts';
import { instanceStatusSchema } from './contract/schemas.ts';
import { type Home, homeOf } from './home.ts';

export type Issue = (subject: {
  commonName: string;
  addresses: string[];
}) => Promise<{ certPem: string; keyPem: string; caPem: string }>;

type Account = { uid: number; gid: number };

export function findPack(engine: EngineKind, version: string): Pack | undefined {
  const file = join(process.env.MOORING_PACKS ?? '', `${engine}-${version}`, 'pack.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Pack) : undefined;
}

/** A directory of the account that agents run as; null when that is our own. */
export function workingDirectory(): { path: string; account: Account | null } {
  const path = mkdtempSync(join(tmpdir(), 'mooring-agent-'));
  if (process.getuid?.() !== 0) return { path, account: null };
  const passwd = readFileSync('/etc/passwd', 'utf8');
  const name = ['mooring', 'nobody'].find((candidate) => passwd.includes(`\n${candidate}:`)) ?? 'nobody';
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, name]).toString()));
  const account = { uid: uid ?? 65534, gid: gid ?? 65534 };
  chmodSync(path, 0o711);
  return { path, account };
}

export function ownTree(path: string, account: Account | null): void {
  if (!account) return;
  chownSync(path, account.uid, account.gid);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) ownTree(join(path, name), account);
}

export async function freePorts(host: string, count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      server.listen(0, host);
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address ? address.port : 0;
  });
  for (const server of servers) server.close();
  return ports;
}

/** Takes statuses as the controller does, and keeps the newest of each instance. */
export type Listener = {
  url: string;
  newest: Map<string, InstanceStatus>;
  received: number;
  close(): void;
};

export async function startListener(issue: Issue): Promise<Listener> {
  const certificate = await issue({ commonName: 'controller', addresses: ['127.0.0.1'] });
  const newest = new Map<string, InstanceStatus>();
  const server: Server = createHttps(
    {
      cert: certificate.certPem,
      key: certificate.keyPem,
      ca: certificate.caPem,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const status = instanceStatusSchema.parse(JSON.parse(Buffer.concat(chunks).toString()));
        newest.set(status.instanceId, status);
        listener.received += 1;
        response.writeHead(204).end();
      });
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const listener: Listener = {
    url: `https://127.0.0.1:${port}`,
    newest,
    received: 0,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
  return listener;
}

export type TestInstance = {
  identity: InstanceIdentity;
  assignment: Assignment;
  home: Home;
  agent: ChildProcess | undefined;
  client: AgentClient;
  status(): Promise<InstanceStatus>;
  /** Puts a new assignment of the next generation. */
  assign(change: Partial<Assignment>): Promise<void>;
  startAgent(): Promise<void>;
  /** SIGKILL to the agent only. */
  killAgent(): Promise<void>;
  serverPid(): number | undefined;
};

export type GroupOptions = {
  directory: string;
  account: Account | null;
  program: string;
  pack: Pack;
  template: string;
  issue: Issue;
  controllerUrl: string;
  name: string;
  standbys: number;
  k: number;
};

export async function makeGroup(options: GroupOptions): Promise<TestInstance[]> {
  const { name, pack } = options;
  const controller = await options.issue({ commonName: 'controller', addresses: [] });
  const members: (Member & { agentPort: number })[] = [];
  for (let n = 1; n <= options.standbys + 1; n += 1) {
    const host = `127.20.${n}.1`;
    const [port = 0, agentPort = 0] = await freePorts(host, 2);
    members.push({
      instanceId: newId(),
      name: `${name}-${n}`,
      host,
      port,
      zone: 'abc'[n - 1] ?? 'a',
      agentPort,
    });
  }
  const ids = members.map((member) => member.instanceId);
  const rule = { term: 1, leader: ids[0] ?? '', cohort: ids, ackers: ids.slice(1), k: options.k };
  const [groupId, markerUuid] = [newId(), newId()];
  const systemId = String(7_300_000_000_000_000_000n + BigInt(Date.now()));
  const peers = members.map(({ agentPort: _agentPort, ...member }) => member);
  return await Promise.all(
    members.map(async (member, index) => {
      const home = homeOf(join(options.directory, member.name));
      const certificate = await options.issue({ commonName: member.name, addresses: [member.host] });
      const launch: AgentLaunch = {
        identity: {
          clusterId: groupId,
          clusterName: name,
          groupId,
          instanceId: member.instanceId,
          name: member.name,
          ordinal: index + 1,
          engine: pack.engine,
          version: pack.version,
          size: 'small',
          zone: member.zone,
          host: member.host,
          port: member.port,
          agentPort: member.agentPort,
          markerUuid,
          systemId,
        },
        secrets: {
          adminPassword: 'admin-Secret-1',
          replicationPassword: 'replication-Secret-1',
          application: { user: 'app', password: 'app-Secret-1', database: 'app' },
        },
        pack,
        assignment: {
          instanceId: member.instanceId,
          generation: 1,
          term: 1,
          role: index === 0 ? 'leader' : 'standby',
          run: 'running',
          rule,
          members: peers,
          ack: 'memory',
          restartCount: 0,
        },
        controllerUrl: options.controllerUrl,
      };
      writeHome(home, launch, certificate, options.template);
      ownTree(home.files.home, options.account);
      return instanceOf(home, launch, controller, options);
    }),
  );
}

export function writeHome(
  home: Home,
  launch: AgentLaunch,
  certificate: { certPem: string; keyPem: string; caPem: string },
  template: string | null,
): void {
  for (const path of [
    home.state,
    home.files.volume,
    home.files.run,
    home.files.log,
    join(home.files.home, 'tls'),
  ])
    mkdirSync(path, { recursive: true, mode: 0o700 });
  writeFileSync(home.launch, JSON.stringify(launch), { mode: 0o600 });
  writeFileSync(home.files.tls.ca, certificate.caPem);
  writeFileSync(home.files.tls.cert, certificate.certPem);
  writeFileSync(home.files.tls.key, certificate.keyPem, { mode: 0o600 });
  if (template) cpSync(template, home.files.data, { recursive: true });
  else mkdirSync(home.files.data, { recursive: true, mode: 0o700 });
}

function instanceOf(
  home: Home,
  launch: AgentLaunch,
  controller: { certPem: string; keyPem: string; caPem: string },
  { account, program }: GroupOptions,
): TestInstance {
  const { identity } = launch;
  const client = createAgentClient(controller);
  const address = { host: identity.host, port: identity.agentPort, instanceId: identity.instanceId };
  const instance: TestInstance = {
    identity,
    assignment: launch.assignment,
    home,
    agent: undefined,
    client,
    status: () => client.status(address),
    async assign(change) {
      const generation = instance.assignment.generation + 1;
      instance.assignment = { ...instance.assignment, ...change, generation };
      await client.assign(address, instance.assignment);
    },
    async startAgent() {
      const out = openSync(join(home.files.log, 'agent.out'), 'a');
      instance.agent = spawn(
        process.execPath,
        [...agentNodeFlags, program, 'run', '--home', home.files.home],
        {
          cwd: home.files.home,
          detached: true,
          stdio: ['ignore', out, out],
          env: { PATH: '/usr/bin:/bin' },
          ...(account ?? {}),
        },
      );
      await once(instance.agent, 'spawn');
    },
    async killAgent() {
      const { agent } = instance;
      if (!agent || agent.exitCode !== null || agent.signalCode !== null) return;
      const exit = once(agent, 'exit');
      agent.kill('SIGKILL');
      await exit;
    },
    serverPid() {
      try {
        return (JSON.parse(readFileSync(home.serverPid, 'utf8')) as { pid: number }).pid;
      } catch {
        return undefined;
      }
    },
  };
  return instance;
}

/** Ends agents and servers of these instances, whatever state they are in, and removes their files. */
export async function discard(instances: readonly TestInstance[]): Promise<void> {
  for (const instance of instances) {
    await instance.killAgent();
    instance.client.close();
    await until(
      'everything of the instance to end',
      () => {
        const pids = pidsWorkingIn(instance.home.files.home);
        for (const pid of pids) {
          try {
            process.kill(pid, 'SIGKILL');
          } catch {
            // gone meanwhile
          }
        }
        return pids.length === 0;
      },
      { deadlineMs: 20_000 },
    );
    rmSync(instance.home.files.home, { recursive: true, force: true });
  }
}

export function pidsWorkingIn(directory: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const cwd = readlinkSync(`/proc/${name}/cwd`);
        const state = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.[0];
        return state !== 'Z' && (cwd === directory || cwd.startsWith(`${directory}/`));
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Resident and proportional memory of a process in MB. */
export function memoryMb(pid: number): { rss: number; pss: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0);
  return { rss: kb('Rss') / 1024, pss: kb('Pss') / 1024 };
}
