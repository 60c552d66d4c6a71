/**
 * A world for tests of the runner: hosts, agents and servers that exist in memory and, like real ones,
 * outlive a runner that dies. The store is real. Nothing here proves anything about engines.
 */
import { randomBytes } from 'node:crypto';
import type { Assignment } from '../domain/assignment.ts';
import type { Host } from '../domain/hosts.ts';
import type { InstanceStatus } from '../domain/status.ts';
import { systemClock } from '../lib/clock.ts';
import { PlatformError } from '../lib/errors.ts';
import { newId } from '../lib/ids.ts';
import { silentLog } from '../lib/log.ts';
import type { ForwarderLaunch, InstanceLaunch, Runtime } from '../runtimes/runtime.ts';
import type { Store } from '../store/store.ts';
import { createVault } from '../store/vault.ts';
import type { OperationContext } from './context.ts';
import type { SubmitContext, Team } from './submit.ts';

type Machine = {
  volume: boolean;
  launch?: InstanceLaunch;
  agent: boolean;
  assignment?: Assignment;
  /** Restarts that were carried out, to find one that was done twice. */
  restarts: number;
};

export type World = {
  context: OperationContext & SubmitContext;
  team: Team;
  machines: Map<string, Machine>;
  forwarders: Map<string, ForwarderLaunch>;
  /** Throws, or waits, where a test wants a fault: called with the method and the id. */
  fault: (method: string, id: string) => Promise<void> | void;
  /** Members of these names never get further than this phase. */
  stuck: Map<string, InstanceStatus['phase']>;
  silent: Set<string>;
  report(clusterId: string): void;
};

export const testHosts: Host[] = ['a', 'b', 'c'].flatMap((zone, index) =>
  [1, 2].map((n) => ({ id: `${zone}${n}`, zone, region: 'local', address: `127.20.${index + 1}.${n}` })),
);

export async function createWorld(store: Store): Promise<World> {
  const machines = new Map<string, Machine>();
  const forwarders = new Map<string, ForwarderLaunch>();
  const listeners = new Set<(clusterId: string) => void>();
  const machine = (id: string): Machine => {
    const known = machines.get(id) ?? { volume: false, agent: false, restarts: 0 };
    machines.set(id, known);
    return known;
  };
  const report = (clusterId: string) => {
    setImmediate(() => {
      for (const listener of listeners) listener(clusterId);
    });
  };
  const take = (id: string, assignment: Assignment) => {
    const held = machine(id);
    if (held.assignment !== undefined && held.assignment.generation > assignment.generation) return;
    if (held.assignment !== undefined && assignment.restartCount > held.assignment.restartCount) {
      held.restarts += 1;
    }
    held.assignment = assignment;
    if (held.launch) report(held.launch.identity.clusterId);
  };

  const runtime: Runtime = {
    hosts: testHosts,
    capacity: async () =>
      testHosts.map((host) => ({ host, memoryFreeMb: 64_000, diskFreeGb: 500, machine: 'this' })),
    enforcement: async () => [],
    async freePorts(_address, count, taken) {
      const free: number[] = [];
      for (let port = 21_000; free.length < count; port++) if (!taken.has(port)) free.push(port);
      return free;
    },
    async ensureEngine(engine) {
      await world.fault('ensureEngine', engine);
    },
    async ensureVolume(identity) {
      await world.fault('ensureVolume', identity.name);
      machine(identity.instanceId).volume = true;
    },
    async ensureAgent(launch) {
      const { instanceId, name } = launch.identity;
      await world.fault('ensureAgent', name);
      const one = machine(instanceId);
      if (!one.volume) throw new Error(`${name} has no volume`);
      one.launch = launch;
      one.agent = true;
      take(instanceId, launch.assignment);
    },
    agentRunning: async (id) => machines.get(id)?.agent ?? false,
    async stopInstance(id) {
      await world.fault('stopInstance', id);
      const one = machines.get(id);
      if (one) one.agent = false;
    },
    async removeInstance(id) {
      await world.fault('removeInstance', id);
      if (machines.get(id)?.agent) throw new Error('removed while it runs');
      machines.delete(id);
    },
    async ensureForwarder(launch) {
      await world.fault('ensureForwarder', launch.clusterName);
      forwarders.set(launch.clusterId, launch);
    },
    forwarderRunning: async (id) => forwarders.has(id),
    forwarderServes: async (id) => forwarders.has(id),
    async stopForwarder(id) {
      await world.fault('stopForwarder', id);
      forwarders.delete(id);
    },
    inventory: async () => ({ instances: [...machines.keys()], forwarders: [...forwarders.keys()] }),
  };

  const teamId = newId();
  await store.db
    .insertInto('teams')
    .values({
      id: teamId,
      name: 'default',
      quota_clusters: 20,
      quota_instances: 60,
      quota_memory_mb: 65_536,
      quota_disk_gb: 2_000,
    })
    .execute();

  const world: World = {
    team: { id: teamId, name: 'default' },
    machines,
    forwarders,
    fault: () => {},
    stuck: new Map(),
    silent: new Set(),
    report,
    context: {
      store,
      vault: createVault(randomBytes(32)),
      runtime,
      capacity: () => runtime.capacity(),
      platformKey: randomBytes(32),
      issue: async () => ({ certPem: 'certificate', keyPem: 'key', caPem: 'ca' }),
      agentClient: {
        async assign(address, assignment) {
          if (!machines.get(address.instanceId)?.agent) {
            throw new PlatformError('unavailable', 'the agent does not answer');
          }
          take(address.instanceId, assignment);
          return { generation: assignment.generation, promisedTerm: assignment.term };
        },
      },
      statuses: {
        fresh(id) {
          const one = machines.get(id);
          if (!one?.agent || world.silent.has(one.launch?.identity.name ?? '')) return undefined;
          return statusOf(one, machines, world.stuck);
        },
        subscribe(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        forget: () => {},
      },
      async probe(_engine, _host, port) {
        await world.fault('probe', String(port));
        const known = [...forwarders.values()].some((launch) =>
          launch.endpoints.some((e) => e.port === port),
        );
        if (!known) throw new Error('nobody listens');
      },
      clock: systemClock,
      log: silentLog,
      settings: {
        retentionMs: 8 * 24 * 3600 * 1000,
        controllerUrl: 'https://127.0.0.1:1',
        feedBaseUrl: 'http://127.0.0.1:1',
        endpointHost: '127.0.0.1',
      },
    },
  };
  return world;
}

/** What an agent would say that does at once what its assignment says. */
function statusOf(
  one: Machine,
  machines: Map<string, Machine>,
  stuck: Map<string, InstanceStatus['phase']>,
): InstanceStatus | undefined {
  const { launch, assignment } = one;
  if (launch === undefined || assignment === undefined) return undefined;
  const { identity } = launch;
  const wanted = assignment.run === 'running' ? 'open' : 'stopped';
  const phase = stuck.get(identity.name) ?? wanted;
  const leader = machines.get(assignment.rule.leader);
  const leads = assignment.role === 'leader';
  const up = phase === 'open' || phase === 'gated' || phase === 'proving';
  const streaming = leader?.agent === true && phase === 'open';
  return {
    clusterId: identity.clusterId,
    instanceId: identity.instanceId,
    agentBootId: 'boot',
    sequence: 1,
    at: Date.now(),
    phase,
    why: phase === wanted ? 'as it should be' : 'a test holds it here',
    promisedTerm: assignment.term,
    generation: assignment.generation,
    convergedGeneration: assignment.generation,
    restartsDone: assignment.restartCount,
    server: {
      pid: up ? 1 : null,
      startedAt: null,
      unplannedRestarts: 0,
      lastExit: null,
      nextStartAt: null,
      version: null,
      residentBytes: null,
    },
    database: !up
      ? null
      : {
          role: leads ? 'primary' : 'standby',
          writable: leads && phase === 'open',
          open: phase === 'open',
          position: { kind: 'gtid', executed: '', received: '' },
          receiver: leads
            ? null
            : { state: streaming ? 'streaming' : 'connecting', source: null, error: null },
          lagMs: leads ? null : 0,
          followers: [],
          connections: 0,
        },
    quorumProbe: null,
    fsync: { lastMs: null, pendingMs: 0 },
    volume: { usedBytes: 1, sizeBytes: 10, freeBytes: 9, full: false },
  };
}
