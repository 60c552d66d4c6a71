/** Test only: small programs that behave like agent and forwarder as far as processes are concerned. */
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstanceIdentity } from '../../domain/assignment.ts';
import type { Pack } from '../../domain/packs.ts';
import { silentLog } from '../../lib/log.ts';
import type { InstanceLaunch, Runtime } from '../runtime.ts';
import { simulatedHosts } from './hosts.ts';
import type { RunAs } from './layout.ts';
import { createLocalRuntime, type LocalRuntimeOptions } from './runtime.ts';

/**
 * `run`: writes its pid file, starts a "server" (sleep) of its own session in volume/data, and leaves it
 * alone on SIGTERM. `template`: makes a small data directory; pack.root steers how it fails.
 */
const agentProgram = `
import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
const startTime = (pid) => readFileSync('/proc/' + pid + '/stat', 'utf8').split(') ').at(-1).split(' ')[19];
const write = (file, pid) => writeFileSync(file, JSON.stringify({ pid, startTime: startTime(pid) }));
const [mode, ...rest] = process.argv.slice(2);
if (mode === 'template') {
  const pack = JSON.parse(readFileSync(rest[1], 'utf8'));
  if (pack.root === 'broken') { console.error('initialisation went wrong'); process.exit(1); }
  appendFileSync(join(dirname(dirname(rest[3])), 'built'), 'x');
  mkdirSync(rest[3]);
  writeFileSync(join(rest[3], 'ibdata1'), Buffer.alloc(pack.root === 'big' ? 80_000_000 : 100_000, 7));
} else {
  const home = rest[1];
  const lazy = JSON.parse(readFileSync(join(home, 'agent.json'), 'utf8')).lazy;
  if (!lazy) write(join(home, 'agent.pid'), process.pid);
  process.on('SIGTERM', () => process.exit(0));
  const server = spawn('sleep', ['1000'], { cwd: join(home, 'volume', 'data'), detached: true, stdio: 'ignore' });
  server.unref();
  write(join(home, 'state', 'server.pid'), server.pid);
  setInterval(() => {}, 1000);
}
`;

const forwarderProgram = `
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
const home = process.argv[3];
const startTime = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1).split(' ')[19];
writeFileSync(join(home, 'forwarder.pid'), JSON.stringify({ pid: process.pid, startTime }));
process.on('SIGTERM', () => process.exit(0));
setInterval(() => {}, 1000);
`;

export type Bench = AsyncDisposable & {
  dataDirectory: string;
  account: RunAs | null;
  /** A new life of the platform over the same data directory. */
  runtime(overrides?: Partial<LocalRuntimeOptions>): Promise<Runtime>;
};

export async function bench(root?: string): Promise<Bench> {
  const dataDirectory = await mkdtemp(join(root ?? '/tmp', 'mooring-runtime-'));
  await chmod(dataDirectory, 0o711);
  const programs = join(dataDirectory, 'programs');
  await mkdir(programs, { mode: 0o755 });
  await writeFile(join(programs, 'agent.mjs'), agentProgram);
  await writeFile(join(programs, 'forwarder.mjs'), forwarderProgram);
  const account = unprivileged();
  const lives: Runtime[] = [];
  return {
    dataDirectory,
    account,
    async runtime(overrides = {}) {
      const runtime = await createLocalRuntime({
        dataDirectory,
        platformId: `test-${process.pid}`,
        account,
        programs: {
          node: process.execPath,
          agent: join(programs, 'agent.mjs'),
          forwarder: join(programs, 'forwarder.mjs'),
        },
        nodeFlags: [],
        packs: async () => pack(),
        hosts: simulatedHosts({ zones: 3, hostsPerZone: 2 }),
        controllerUrl: () => 'https://127.0.0.1:1',
        log: silentLog,
        ...overrides,
      });
      lives.push(runtime);
      return runtime;
    },
    async [Symbol.asyncDispose]() {
      const runtime = lives.at(-1);
      const found = await runtime?.inventory();
      for (const id of found?.instances ?? []) await runtime?.removeInstance(id);
      for (const id of found?.forwarders ?? []) await runtime?.stopForwarder(id);
      await rm(dataDirectory, { recursive: true, force: true });
    },
  };
}

export function pack(root = 'fine'): Pack {
  return {
    engine: 'mysql',
    version: '9.7',
    fullVersion: '9.7.4',
    origin: 'configured',
    root,
    binDir: '',
    packages: [],
  };
}

export function identity(instanceId = 'instance-1', clusterId = 'cluster-1'): InstanceIdentity {
  return {
    clusterId,
    clusterName: 'orders',
    groupId: 'group-1',
    instanceId,
    name: 'orders-1',
    ordinal: 1,
    engine: 'mysql',
    version: '9.7',
    size: 'small',
    zone: 'a',
    host: '127.20.1.1',
    port: 21_000,
    agentPort: 21_001,
    markerUuid: '00000000-0000-4000-8000-000000000000',
    systemId: '1',
  };
}

export function launch(instanceId?: string, clusterId?: string): InstanceLaunch {
  const it = identity(instanceId, clusterId);
  return {
    identity: it,
    secrets: {
      adminPassword: 'a',
      replicationPassword: 'r',
      application: { user: 'orders', password: 'p', database: 'orders' },
    },
    assignment: {
      instanceId: it.instanceId,
      generation: 1,
      term: 1,
      role: 'leader',
      run: 'running',
      rule: { term: 1, leader: it.instanceId, cohort: [it.instanceId], ackers: [], k: 0 },
      members: [],
      ack: 'memory',
      restartCount: 0,
    },
    certificate: { certPem: 'cert', keyPem: 'key', caPem: 'ca' },
  };
}

/** Nobody, when we are root and nobody can run our node; else null, which is ourselves. */
function unprivileged(): RunAs | null {
  if (process.getuid?.() !== 0) return null;
  const account = { uid: 65_534, gid: 65_534, name: 'nobody' };
  const tried = spawnSync(process.execPath, ['-v'], { uid: account.uid, gid: account.gid, cwd: '/' });
  return tried.status === 0 ? account : null;
}
