/**
 * The composition root of the embedded platform: one process with api, controller and operations
 * runner, and the store, agents, servers and forwarders as processes of their own.
 *
 * Reading order: startPlatform is the whole start from top to bottom; each part it opens is pushed on
 * a stack, and stopping is the same list backwards.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { createAgentClient } from '../agent/contract/client.ts';
import { agentNodeFlags } from '../agent/contract/launch.ts';
import { buildApi } from '../api/server.ts';
import { ensureFirstAdministrator } from '../auth/first-start.ts';
import { startController } from '../controller/controller.ts';
import { type EngineKind, engineOffers } from '../domain/engines.ts';
import type { Pack } from '../domain/packs.ts';
import { systemClock } from '../lib/clock.ts';
import { codeOf, messageOf, PlatformError } from '../lib/errors.ts';
import { newToken } from '../lib/ids.ts';
import type { Log } from '../lib/log.ts';
import { createSubmissions } from '../operations/submissions.ts';
import { writeFileAtomic } from '../os/files.ts';
import { openLineFile } from '../os/line-file.ts';
import { ensurePack, findPack } from '../packs/packs.ts';
import type { OnPackProgress } from '../packs/progress.ts';
import { openAuthority } from '../pki/authority.ts';
import { simulatedHosts } from '../runtimes/local/hosts.ts';
import { createLocalRuntime } from '../runtimes/local/runtime.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import { migrate } from '../store/migrate.ts';
import { registerPlatform } from '../store/platform.ts';
import { ageStatuses } from '../store/statuses.ts';
import { openStore, type Store } from '../store/store.ts';
import { createVault } from '../store/vault.ts';
import { bundlePrograms } from './bundle.ts';
import { startEmbeddedStore } from './embedded-store.ts';
import { probeEndpoint } from './endpoint-probe.ts';
import { canListen, freePort } from './free-port.ts';
import { type Account, ensureAccount } from './host/account.ts';
import { type DataDirectory, openDataDirectory } from './host/data-directory.ts';
import { removeOldPrograms } from './host/programs.ts';
import type { Settings } from './settings.ts';
import { stopDatabases } from './stop-databases.ts';
import type { ReadyMessage } from './up.ts';
import { version } from './version.ts';

const maxLogBytes = 32 * 1024 * 1024;
const dayMs = 24 * 60 * 60 * 1000;
const checkout = join(import.meta.dirname, '../..');

/** Where a start tells what takes long and what is missing. */
export type Told = { onPackProgress: OnPackProgress; say(text: string): void };

export type RunningPlatform = {
  ready: ReadyMessage;
  stop(how: { keepDatabases: boolean }): Promise<void>;
};

export async function startPlatform(
  settings: Settings,
  told: Told,
  signal: AbortSignal,
): Promise<RunningPlatform> {
  await using started = new AsyncDisposableStack();
  const account = ensureAccount(settings.runAs);
  const data = await openDataDirectory({ path: settings.dataDirectory, version, account });
  started.defer(() => data.release());
  // Not pino's own destination, which on a full disk tries again for ever and lets nothing else run.
  const logFile = openLineFile(join(data.path, 'logs', 'platform.log'), maxLogBytes);
  process.once('exit', () => logFile.flushSync());
  const log: Log = pino(
    {
      level: process.env.MOORING_LOG_LEVEL ?? 'info',
      base: undefined,
      serializers: { error: pino.stdSerializers.err, err: pino.stdSerializers.err },
    },
    logFile,
  );

  const packs = packFinder(settings, data, told, signal);
  // Fetched side by side; the platform itself needs PostgreSQL only.
  const mysqlPack = packs('mysql', engineOffers.mysql.defaultVersion);
  mysqlPack.catch(() => {});
  const [storePack, programs, keys] = await Promise.all([
    packs('postgres', engineOffers.postgres.defaultVersion),
    bundlePrograms(join(data.path, 'programs')),
    openKeys(data),
  ]);
  signal.throwIfAborted();

  const embedded = await startStoreServer(settings, data, storePack, account, log);
  // A start that fails leaves nothing behind that did not run before.
  let keepStore = embedded?.adopted ?? false;
  if (embedded) started.defer(() => (keepStore ? embedded.release() : embedded.stop()));
  const store = openStore({ connection: settings.storeUrl ?? embedded?.url ?? '', max: 20, log });
  started.use(store);
  await migrate(store);
  await registerPlatform(store, data.facts.id);
  const administrator = await ensureFirstAdministrator(store);

  let controllerUrl = '';
  const runtime = await createLocalRuntime({
    dataDirectory: data.path,
    platformId: data.facts.id,
    account,
    programs,
    nodeFlags: [...agentNodeFlags],
    packs,
    hosts: simulatedHosts({ zones: settings.zones, hostsPerZone: settings.hostsPerZone }),
    controllerUrl: () => controllerUrl,
    log: log.child({ part: 'runtime' }),
    portRange: settings.instancePorts,
  });

  started.use(runtime);
  const agentsPort = await agentsPortOf(data, runtime);
  controllerUrl = `https://127.0.0.1:${agentsPort}`;
  await ageStatuses(store.db, await instancesWithAgents(runtime));

  const vault = createVault(keys.secret);
  const controllerCertificate = await keys.authority.issue({
    commonName: 'controller',
    addresses: ['127.0.0.1'],
  });
  const agentClient = createAgentClient(controllerCertificate);
  started.defer(() => agentClient.close());

  const api = await buildApi({
    log: log.child({ part: 'api' }),
    store,
    vault,
    version,
    platformId: data.facts.id,
    submissions: createSubmissions({ store, vault, clock: systemClock, capacity: () => runtime.capacity() }),
    cliToken: keys.cliToken,
    platformKey: keys.secret,
    caPem: keys.authority.caPem,
    consoleDirectory: join(checkout, 'console/dist'),
    https: false,
    hosts: runtime.hosts,
    capacity: () => runtime.capacity(),
    enforcement: () => runtime.enforcement(),
    clientDirectory: async (engine, wanted) =>
      (await findPack(packOptions(settings, data, engine, wanted)))?.binDir ?? null,
  });
  started.defer(() => api.close());
  // The public port must be known before forwarders are told where the feed is.
  const publicUrl = await listen(api, settings, data);

  const controller = await startController({
    store,
    vault,
    runtime,
    platformKey: keys.secret,
    issue: (commonName, addresses) => keys.authority.issue({ commonName, addresses }),
    agentClient,
    listener: { host: '127.0.0.1', port: agentsPort, certificate: controllerCertificate },
    // The lock of the data directory; a store that others may share proves nothing.
    sole: settings.storeUrl === undefined,
    probe: probeEndpoint,
    log: log.child({ part: 'controller' }),
    settings: {
      retentionMs: settings.retentionDays * dayMs,
      controllerUrl,
      feedBaseUrl: publicUrl,
      endpointHost: '127.0.0.1',
    },
  });
  started.use(controller);

  await warmTemplates(runtime, mysqlPack, told);
  removeOldPrograms(join(data.path, 'programs'), programs);
  log.info({ url: publicUrl, pid: process.pid }, 'the platform is up');

  keepStore = true;
  const parts = started.move();
  return {
    ready: {
      url: publicUrl,
      dataDirectory: data.path,
      pid: process.pid,
      administrator: { user: 'admin', password: administrator?.initialPassword ?? null },
    },
    async stop({ keepDatabases }) {
      keepStore = keepDatabases;
      try {
        if (keepDatabases) return;
        const leaders = await leadersOf(store);
        // The controller would start again what is being stopped.
        await controller[Symbol.asyncDispose]();
        await stopDatabases(runtime, leaders);
      } finally {
        await parts.disposeAsync();
      }
    },
  };
}

function packOptions(settings: Settings, data: DataDirectory, engine: EngineKind, wanted: string) {
  return {
    engine,
    version: wanted,
    directory: join(data.path, 'packs'),
    configured: settings.packs,
    mirror: settings.mirror,
  };
}

/** One search per version at a time: whoever else asks meanwhile gets the same answer. */
function packFinder(settings: Settings, data: DataDirectory, told: Told, signal: AbortSignal) {
  const searches = new Map<string, Promise<Pack>>();
  return (engine: EngineKind, wanted: string, onMessage?: (message: string) => void): Promise<Pack> => {
    const key = `${engine}-${wanted}`;
    const running = searches.get(key);
    if (running !== undefined) return running;
    const search = ensurePack({
      ...packOptions(settings, data, engine, wanted),
      signal,
      onProgress: (progress) => {
        onMessage?.(progress.message);
        told.onPackProgress(progress);
      },
    }).finally(() => searches.delete(key));
    searches.set(key, search);
    return search;
  };
}

/** Keys and tokens of this installation, made at the first start. */
async function openKeys(data: DataDirectory) {
  const directory = join(data.path, 'keys');
  const authority = await openAuthority(directory);
  const secretFile = join(directory, 'secret.key');
  if (!existsSync(secretFile)) {
    await writeFileAtomic(secretFile, randomBytes(32).toString('base64'), { mode: 0o600, durable: true });
  }
  const tokenFile = join(data.path, 'cli-token');
  if (!existsSync(tokenFile)) {
    await writeFileAtomic(tokenFile, `${newToken('moorcli')}\n`, { mode: 0o600, durable: true });
  }
  return {
    authority,
    secret: Buffer.from(readFileSync(secretFile, 'utf8'), 'base64'),
    cliToken: readFileSync(tokenFile, 'utf8').trim(),
  };
}

async function startStoreServer(
  settings: Settings,
  data: DataDirectory,
  pack: Pack,
  account: Account | null,
  log: Log,
) {
  if (settings.storeUrl !== undefined) return undefined;
  const directory = join(data.path, 'store');
  return await startEmbeddedStore({ directory, pack, account, log: log.child({ part: 'store' }) });
}

/**
 * The port at which agents report. It is kept, because agents that outlive the platform know it; only
 * while none runs may it change.
 */
async function agentsPortOf(data: DataDirectory, runtime: Runtime): Promise<number> {
  const { ports } = data.facts;
  if (ports.agents !== undefined && (await canListen(ports.agents))) return ports.agents;
  if (ports.agents !== undefined && (await instancesWithAgents(runtime)).length > 0) {
    throw new PlatformError(
      'refused',
      `Port ${ports.agents} of 127.0.0.1, at which the agents of this platform report, is taken by another program`,
      {
        hint: `See who holds it: ss -ltnp 'sport = :${ports.agents}'. Stop that program, then run moor up again.`,
      },
    );
  }
  const agents = await freePort();
  await data.update({ ports: { ...ports, agents } });
  return agents;
}

/**
 * Listens for console and API. A running forwarder knows the address of its feed, so `--port 0` takes
 * the same port again when it is still free.
 */
async function listen(api: FastifyInstance, settings: Settings, data: DataDirectory): Promise<string> {
  const wanted = settings.port === 0 ? (data.facts.ports.public ?? 0) : settings.port;
  try {
    const url = await api.listen({ host: settings.host, port: wanted });
    const ports = { ...data.facts.ports, public: Number(new URL(url).port) };
    await data.update({ address: url, ports });
    return url;
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE') {
      throw new PlatformError('refused', `Port ${wanted} of ${settings.host} is taken by another program`, {
        hint: `See who holds it: ss -ltnp 'sport = :${wanted}'. Start here on another port: moor up --port ${wanted + 1}`,
        cause: error,
      });
    }
    if (codeOf(error) === 'EACCES' || codeOf(error) === 'EADDRNOTAVAIL') {
      throw new PlatformError('refused', `Cannot listen on ${settings.host}:${wanted}: ${messageOf(error)}`, {
        hint: 'Choose an address of this machine with --host and a port above 1023 with --port',
        cause: error,
      });
    }
    throw error;
  }
}

/** The first cluster should not have to wait for a template. */
async function warmTemplates(runtime: Runtime, mysqlPack: Promise<Pack>, told: Told): Promise<void> {
  const warm = (engine: EngineKind) => runtime.ensureEngine(engine, engineOffers[engine].defaultVersion);
  const missing = (engine: EngineKind) => (error: unknown) => {
    const hint = error instanceof PlatformError ? (error.hint ?? '') : '';
    told.say(`${engineOffers[engine].label} is not available yet: ${messageOf(error)} ${hint}`);
  };
  await Promise.all([
    warm('postgres').catch(missing('postgres')),
    // A pack that could not be had is not asked for again: the start would wait for the network twice.
    mysqlPack.then(() => warm('mysql')).catch(missing('mysql')),
  ]);
}

async function instancesWithAgents(runtime: Runtime): Promise<string[]> {
  const { instances } = await runtime.inventory();
  const running = await Promise.all(instances.map((id) => runtime.agentRunning(id)));
  return instances.filter((_, index) => running[index]);
}

/** Empty when the store does not say it in time: the order of stopping is a courtesy, not a need. */
async function leadersOf(store: Store): Promise<Set<string>> {
  const nobody = () => new Set<string>();
  const answered = new AbortController();
  const leaders = store.db
    .selectFrom('groups')
    .select('rule')
    .execute()
    .then((rows) => new Set(rows.map((row) => row.rule.leader)))
    .catch(nobody);
  try {
    return await Promise.race([leaders, systemClock.delay(3_000, answered.signal).then(nobody)]);
  } finally {
    // A timer that runs on would keep the process from ending.
    answered.abort();
  }
}
