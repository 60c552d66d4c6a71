/**
 * Makes what runs equal to what the store says, again and again: it takes no input but the two. Every
 * repair is an idempotent `ensure`, so that doing it once too often costs time and nothing else.
 *
 * It never ends or removes anything on suspicion. Only what the store positively names as purged (or
 * deleted, for processes) is cleaned up; files that no row explains are reported and left alone, since
 * they may belong to a store that was lost.
 */
import { messageOf } from '../lib/errors.ts';
import type { OperationContext } from '../operations/context.ts';
import { certificateFor, forwarderLaunch, idsOf, launchOf } from '../operations/members.ts';
import { type SubmitContext, submitPurge } from '../operations/submit.ts';
import { clusterById, clustersDueForPurge, listClusters, lockCluster } from '../store/clusters.ts';
import { type ClusterBundle, loadBundles } from '../store/facts.ts';
import { type InstanceRow, sortInstanceIds } from '../store/instances.ts';

export type Reconciler = AsyncDisposable & {
  /** One whole pass; also used by tests. */
  pass(): Promise<void>;
};

const everyMs = 2_000;
const straysEveryMs = 30_000;
/** After a repair failed, the next try waits this long, doubling up to the longest. */
const firstPauseMs = 1_000;
const longestPauseMs = 60_000;

type Pause = { untilMs: number; ms: number };

export function createReconciler(context: OperationContext & SubmitContext): Reconciler {
  const { store, runtime, clock, log } = context;
  const pauses = new Map<string, Pause>();
  const reported = new Set<string>();
  /** Clusters whose forwarder has been told where the feed is in this life of the platform. */
  const told = new Set<string>();
  let lastStraysMs = Number.NEGATIVE_INFINITY;

  /** One repair, with back-off per thing that is repaired. */
  const repair = async (key: string, what: string, run: () => Promise<void>) => {
    const pause = pauses.get(key);
    if (pause !== undefined && clock.monotonicMs() < pause.untilMs) return;
    try {
      await run();
      pauses.delete(key);
    } catch (error) {
      const ms = Math.min((pause?.ms ?? firstPauseMs / 2) * 2, longestPauseMs);
      pauses.set(key, { ms, untilMs: clock.monotonicMs() + ms });
      log.warn({ error: messageOf(error), key, againInMs: ms }, `could not ${what}`);
    }
  };

  /**
   * Runs a repair while the cluster's row is locked and active: whoever wants to delete it waits for
   * the repair, so that nothing is started behind the back of a delete. Operations that start or stop
   * processes have made it something other than active; a restart, which has not, needs its agents.
   */
  const whileActive = (clusterId: string, run: () => Promise<void>) =>
    store.transaction(async (tx) => {
      const cluster = await lockCluster(tx, clusterId);
      if (cluster?.lifecycle === 'active') await run();
    });

  const instance = async (bundle: ClusterBundle, row: InstanceRow) => {
    if (row.assignment === null) return;
    if (!(await runtime.agentRunning(row.id))) {
      await repair(`agent ${row.id}`, `start the agent of ${row.name}`, () =>
        whileActive(bundle.cluster.id, async () => {
          await runtime.ensureAgent(await launchOf(context, bundle, row, certificateFor(context, row)));
          log.info({ instance: row.id }, `the agent of ${row.name} was missing and is started again`);
        }),
      );
      return;
    }
    const status = context.statuses.fresh(row.id);
    const { assignment } = row;
    if (status === undefined || status.generation >= assignment.generation) return;
    await repair(`assignment ${row.id}`, `hand ${row.name} its assignment`, async () => {
      const address = { instanceId: row.id, host: row.host, port: row.agent_port };
      await context.agentClient.assign(address, assignment, { timeoutMs: 2_000 });
    });
  };

  const clusters = async () => {
    const active = (await listClusters(store.db)).filter((cluster) => cluster.lifecycle === 'active');
    for (const bundle of await loadBundles(store.db, active)) {
      if (bundle.group === undefined) continue;
      await Promise.all(bundle.instances.map((row) => instance(bundle, row)));
      const { id, name } = bundle.cluster;
      const runs = await runtime.forwarderRunning(id);
      if (runs && told.has(id)) continue;
      await repair(`forwarder ${id}`, `start ${name}'s forwarder`, () =>
        whileActive(id, async () => {
          await runtime.ensureForwarder(forwarderLaunch(context, bundle), idsOf(bundle));
          told.add(id);
          if (!runs) log.info({ cluster: id }, 'the forwarder was missing and is started again');
        }),
      );
    }
  };

  const purges = async () => {
    for (const cluster of await clustersDueForPurge(store.db, new Date(clock.nowMs()))) {
      await repair(`purge ${cluster.id}`, `purge ${cluster.name}`, async () => {
        await submitPurge(context, { actor: 'retention', cluster, onlyWhenDue: true });
      });
    }
  };

  const strays = async () => {
    if (clock.monotonicMs() - lastStraysMs < straysEveryMs) return;
    lastStraysMs = clock.monotonicMs();
    const found = await runtime.inventory();
    const uuids = (ids: string[]) => ids.filter((id) => /^[0-9a-f-]{36}$/.test(id));
    const { known, retired } = await sortInstanceIds(store.db, uuids(found.instances));
    for (const id of found.instances.filter((each) => !known.has(each))) {
      if (retired.has(id)) {
        await repair(`stray ${id}`, 'remove what is left of a purged instance', async () => {
          await runtime.stopInstance(id, 'now');
          await runtime.removeInstance(id);
          log.info({ instance: id }, 'removed what was left of a purged instance');
        });
      } else if (!reported.has(id)) {
        reported.add(id);
        log.warn({ instance: id }, 'found an instance that the store does not know; it is left alone');
      }
    }
    for (const id of uuids(found.forwarders)) {
      const cluster = await clusterById(store.db, id);
      if (cluster?.lifecycle !== 'deleted' && cluster?.lifecycle !== 'purged') continue;
      await repair(`stray forwarder ${id}`, 'stop the forwarder of a deleted cluster', () =>
        runtime.stopForwarder(id),
      );
    }
  };

  const pass = async () => {
    await clusters();
    await purges();
    await strays();
  };

  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const again = () => {
    if (stopped) return;
    timer = setTimeout(() => {
      running = pass()
        .catch((error) => log.warn({ error: messageOf(error) }, 'a pass of the reconciler failed'))
        .finally(again);
    }, everyMs);
  };
  running = pass()
    .catch((error) => log.warn({ error: messageOf(error) }, 'the first pass of the reconciler failed'))
    .finally(again);

  return {
    pass,
    async [Symbol.asyncDispose]() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
