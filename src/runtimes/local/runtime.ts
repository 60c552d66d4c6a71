/**
 * The local runtime: instances are directories and processes of this machine, hosts and zones are
 * simulated on loopback addresses.
 *
 * It keeps no state that matters: files and processes are the truth, so that a platform that was
 * killed between any two lines finds everything again. What it remembers only saves work.
 */
import { readdir, readFile, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstanceIdentity } from '../../domain/assignment.ts';
import type { EngineKind } from '../../domain/engines.ts';
import type { Host } from '../../domain/hosts.ts';
import type { Pack } from '../../domain/packs.ts';
import { sizeOffers } from '../../domain/sizes.ts';
import { codeOf, messageOf } from '../../lib/errors.ts';
import { newId } from '../../lib/ids.ts';
import type { Log } from '../../lib/log.ts';
import { writeFileAtomic } from '../../os/files.ts';
import { type ProcessIdentity, readPidFile } from '../../os/processes.ts';
import type { ForwarderLaunch, InstanceLaunch, Runtime } from '../runtime.ts';
import { createLimits } from './cgroups.ts';
import { ensureDirectory, layoutOf, type RunAs } from './layout.ts';
import { createPortFinder, type PortRange } from './ports.ts';
import {
  endGently,
  findByArguments,
  findWorkingIn,
  killTrees,
  namedBy,
  startDetached,
  withDescendants,
} from './processes.ts';
import { openSpares } from './spares.ts';
import { diskFull, ensureTemplate, exists, syncFileSystem, type Template } from './templates.ts';
import { makeVolume } from './volumes.ts';

export type LocalRuntimeOptions = {
  dataDirectory: string;
  /** Names this platform among others on the host. */
  platformId: string;
  /** Account of agents, servers and forwarders; null for the platform's own. */
  account: RunAs | null;
  /** Absolute paths that outlive the checkout. */
  programs: { node: string; agent: string; forwarder: string };
  /** Flags of node for agents and forwarders, like a heap limit. */
  nodeFlags: string[];
  packs: (engine: EngineKind, version: string, onProgress?: (message: string) => void) => Promise<Pack>;
  hosts: Host[];
  /** Where agents push their status: https://127.0.0.1:PORT */
  controllerUrl(): string;
  log: Log;
  /** Ports of instances, agents and endpoints; 21000 to 24999 when absent. */
  portRange?: PortRange;
};

/** Closing it ends what it does in the background; what it has started goes on. */
export type LocalRuntime = Runtime & AsyncDisposable;

/** By SIGTERM an agent ends alone, by SIGINT it stops its server first (agent/contract/launch.ts). */
const agentOnly = { ask: 'SIGTERM', graceMs: 2_000 } as const;
const cleanStop = { ask: 'SIGINT', graceMs: 40_000 } as const;
const forwarderGraceMs = 1_000;

const agentArgs = (home: string) => ['run', '--home', home];
const forwarderArgs = (home: string) => ['--home', home];

/** Makes the directories it needs and cleans up what an earlier life was deleting. */
export async function createLocalRuntime(options: LocalRuntimeOptions): Promise<LocalRuntime> {
  const { account, log } = options;
  const layout = layoutOf(options.dataDirectory);
  for (const path of [layout.instances, layout.forwarders, layout.templates, layout.trash]) {
    await ensureDirectory(path, account);
  }
  void readdir(layout.trash)
    .then((names) =>
      Promise.all(names.map((name) => rm(join(layout.trash, name), { recursive: true, force: true }))),
    )
    .catch((error) => log.warn({ problem: messageOf(error) }, 'the trash could not be emptied'));

  const limits = createLimits({
    platformId: options.platformId,
    onProblem: (facts, message) => log.warn(facts, message),
  });
  const locked = createLocks();
  /** One change at a time per instance or cluster; a full disk is an answer, not a surprise. */
  const spares = await openSpares({ directory: layout.spares, account, log });
  const oneAtATime = <T>(key: string, task: () => Promise<T>): Promise<T> =>
    locked(key, task).catch((error) => {
      if (codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT') throw diskFull('write its files');
      throw error;
    });
  const templates = new Map<string, Promise<Template>>();
  const freePorts = createPortFinder(
    options.portRange ?? { first: 21_000, last: 24_999 },
    options.platformId,
  );
  const command = (program: string) => [options.programs.node, ...options.nodeFlags, program];

  /** Two creations of the same version at once build one template. */
  function template(engine: EngineKind, version: string, onProgress?: (message: string) => void) {
    const key = `${engine}-${version}`;
    let made = templates.get(key);
    if (made === undefined) {
      made = options
        .packs(engine, version, onProgress)
        .then((pack) =>
          ensureTemplate(
            pack,
            { directory: layout.templates, account, agentCommand: command(options.programs.agent), log },
            onProgress,
          ),
        );
      templates.set(key, made);
      made.catch(() => templates.delete(key));
    }
    return made;
  }

  /** The pid file is quick; the arguments find a process that was not written down. */
  function running(pidFile: string, args: string[]): ProcessIdentity | undefined {
    return namedBy(pidFile, account)[0] ?? findByArguments(args, account)[0];
  }

  /** All that run for this home; two only after a crash at the worst moment. */
  function allRunning(pidFile: string, args: string[]): ProcessIdentity[] {
    const all = [...namedBy(pidFile, account), ...findByArguments(args, account)];
    return [...new Map(all.map((each) => [each.pid, each])).values()];
  }

  function start(program: string, programArgs: string[], home: string, logFile: string, what: string) {
    const [file = '', ...args] = command(program);
    return startDetached({
      file,
      args: [...args, ...programArgs],
      cwd: home,
      logFile,
      account,
      onExit: (code, signal) => log.info({ home, code, signal }, `${what} ended`),
    });
  }

  const flushes = new Map<string, Promise<void>>();

  /** Makes sure, once per volume, that its copy is on the disk. */
  function flush(instanceId: string): Promise<void> {
    const paths = layout.instance(instanceId);
    let under = flushes.get(instanceId);
    if (under === undefined) {
      under = (async () => {
        if (!(await exists(paths.volume)) || (await exists(paths.volumeSynced))) return;
        await syncFileSystem(paths.home);
        if (await exists(paths.volume)) await writeFileAtomic(paths.volumeSynced, '', { owner: account });
      })().finally(() => flushes.delete(instanceId));
      flushes.set(instanceId, under);
    }
    return under;
  }

  async function stopInstance(instanceId: string, how: 'clean' | 'now'): Promise<void> {
    const paths = layout.instance(instanceId);
    if (!(await exists(paths.home))) return;
    // The agent first: it would start the server again.
    const agents = allRunning(paths.agentPid, agentArgs(paths.home));
    const end = how === 'clean' ? cleanStop : agentOnly;
    await Promise.all(agents.map((agent) => endGently(agent, 'the agent', end.graceMs, end.ask)));
    // SIGKILL on purpose. A clean stop is the agent's: only it knows whether commits wait for
    // acknowledgements, which a polite signal would answer with a false OK.
    await killTrees(
      [...namedBy(paths.serverPid, account), ...findWorkingIn(paths.home, account)],
      'the database server',
    );
    // An end that was asked for is no crash: the next agent must not count it as one.
    await rm(paths.serverPid, { force: true });
    await limits.remove(paths.limits);
  }

  return {
    hosts: options.hosts,

    async capacity() {
      const memoryFreeMb = await availableMemoryMb();
      const { bavail, bsize } = await statfs(layout.instances);
      const diskFreeGb = Math.floor((bavail * bsize) / 1024 ** 3);
      return options.hosts.map((host) => ({ host, memoryFreeMb, diskFreeGb, machine: 'this' }));
    },

    enforcement: async () => limits.enforcement(),

    freePorts,

    async ensureEngine(engine, version, onProgress) {
      spares.want(await template(engine, version, onProgress));
    },

    ensureVolume: (identity: InstanceIdentity) =>
      oneAtATime(identity.instanceId, async () => {
        const paths = layout.instance(identity.instanceId);
        if (await exists(paths.volume)) return;
        const source = await template(identity.engine, identity.version);
        // The template may have been deleted by hand since; then it is built again.
        if (!(await exists(source.directory))) templates.clear();
        const current = await template(identity.engine, identity.version);
        await ensureDirectory(paths.home, account);
        await makeVolume(paths, current, spares, account);
        flush(identity.instanceId).catch((error) =>
          log.warn({ instanceId: identity.instanceId, problem: messageOf(error) }, 'volume not flushed yet'),
        );
      }),

    ensureAgent: (launch: InstanceLaunch) =>
      oneAtATime(launch.identity.instanceId, async () => {
        const { instanceId, engine, version, size } = launch.identity;
        const paths = layout.instance(instanceId);
        const [pack] = await Promise.all([
          options.packs(engine, version),
          (async () => {
            for (const path of paths.directories) await ensureDirectory(path, account);
          })(),
        ]);
        const { certificate, ...rest } = launch;
        const agent = running(paths.agentPid, agentArgs(paths.home));
        const text = JSON.stringify({ ...rest, pack, controllerUrl: options.controllerUrl() });
        await writeIfDifferent(paths.launch, text, account);
        if (agent === undefined) {
          // Not while an agent runs: its server may be reading certificate and key at this moment.
          await writeIfDifferent(paths.tls.ca, certificate.caPem, account);
          await writeIfDifferent(paths.tls.key, certificate.keyPem, account);
          await writeIfDifferent(paths.tls.cert, certificate.certPem, account);
        }
        const process =
          agent ??
          (await start(
            options.programs.agent,
            agentArgs(paths.home),
            paths.home,
            paths.agentOutput,
            'an agent',
          ));
        await limits.apply(
          instanceId,
          sizeOffers[size],
          () => withDescendants([process, ...namedBy(paths.serverPid, account)]).map(({ pid }) => pid),
          paths.limits,
        );
      }),

    async agentRunning(instanceId) {
      const paths = layout.instance(instanceId);
      return running(paths.agentPid, agentArgs(paths.home)) !== undefined;
    },

    stopInstance: (instanceId, how) => oneAtATime(instanceId, () => stopInstance(instanceId, how)),

    removeInstance: (instanceId) =>
      oneAtATime(instanceId, async () => {
        const paths = layout.instance(instanceId);
        if (!(await exists(paths.home))) return;
        await stopInstance(instanceId, 'now');
        await flushes.get(instanceId)?.catch(() => {});
        await remove(paths.home);
      }),

    ensureForwarder: (launch: ForwarderLaunch, instanceIds: readonly string[]) =>
      oneAtATime(launch.clusterId, async () => {
        await Promise.all(instanceIds.map(flush));
        const paths = layout.forwarder(launch.clusterId);
        await ensureDirectory(paths.home, account);
        await writeIfDifferent(paths.launch, JSON.stringify(launch), account);
        if (running(paths.pid, forwarderArgs(paths.home)) !== undefined) return;
        await start(
          options.programs.forwarder,
          forwarderArgs(paths.home),
          paths.home,
          paths.log,
          'a forwarder',
        );
      }),

    async forwarderRunning(clusterId) {
      const paths = layout.forwarder(clusterId);
      return running(paths.pid, forwarderArgs(paths.home)) !== undefined;
    },

    async forwarderServes(clusterId) {
      const paths = layout.forwarder(clusterId);
      const forwarder = running(paths.pid, forwarderArgs(paths.home));
      const serving = readPidFile(join(paths.home, 'serving.pid'));
      return (
        forwarder !== undefined && forwarder.pid === serving?.pid && forwarder.startTime === serving.startTime
      );
    },

    stopForwarder: (clusterId) =>
      oneAtATime(clusterId, async () => {
        const paths = layout.forwarder(clusterId);
        if (!(await exists(paths.home))) return;
        const found = allRunning(paths.pid, forwarderArgs(paths.home));
        await Promise.all(found.map((each) => endGently(each, 'the forwarder', forwarderGraceMs)));
        // A forwarder that neither file nor arguments name would serve a deleted cluster for ever.
        await killTrees(findWorkingIn(paths.home, account), 'the forwarder');
        await remove(paths.home);
      }),

    async inventory() {
      const [instances, forwarders] = await Promise.all([idsIn(layout.instances), idsIn(layout.forwarders)]);
      return { instances, forwarders };
    },

    [Symbol.asyncDispose]: () => spares[Symbol.asyncDispose](),
  };

  async function remove(home: string): Promise<void> {
    const doomed = join(layout.trash, newId());
    await rename(home, doomed);
    await rm(doomed, { recursive: true, force: true });
  }
}

async function idsIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries.filter((e) => e.isDirectory() && !e.name.startsWith('.')).map((e) => e.name);
}

async function writeIfDifferent(path: string, text: string, account: RunAs | null): Promise<void> {
  try {
    if ((await readFile(path, 'utf8')) === text) return;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  await writeFileAtomic(path, text, { mode: 0o600, owner: account });
}

async function availableMemoryMb(): Promise<number> {
  const found = /^MemAvailable:\s+(\d+) kB/m.exec(await readFile('/proc/meminfo', 'utf8'));
  return Math.floor(Number(found?.[1] ?? 0) / 1024);
}

/** Runs tasks with the same key one after the other. */
function createLocks() {
  const tails = new Map<string, Promise<unknown>>();
  return function locked<T>(key: string, task: () => Promise<T>): Promise<T> {
    const result = (tails.get(key) ?? Promise.resolve()).then(task, task);
    const tail = result
      .catch(() => {})
      .finally(() => {
        if (tails.get(key) === tail) tails.delete(key);
      });
    tails.set(key, tail);
    return result;
  };
}
