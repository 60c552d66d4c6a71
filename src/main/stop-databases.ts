/** Takes down everything that a data directory runs: forwarders, then instances, leaders first. */
import type { Runtime } from '../runtimes/runtime.ts';

/**
 * A leader is stopped before its standbys, so that it can finish its commits with their
 * acknowledgements and stop cleanly. `leaders` may be empty when the store is out of reach; stopping
 * in any order loses nothing, it only makes the next start longer. Returns how many agents and
 * forwarders ran; instances without an agent are taken down all the same.
 */
export async function stopDatabases(runtime: Runtime, leaders: ReadonlySet<string>): Promise<number> {
  const { instances, forwarders } = await runtime.inventory();
  const running = await Promise.all([
    ...instances.map((id) => runtime.agentRunning(id)),
    ...forwarders.map((id) => runtime.forwarderRunning(id)),
  ]);
  await Promise.all(forwarders.map((id) => runtime.stopForwarder(id)));
  const stop = (ids: string[]) => Promise.allSettled(ids.map((id) => runtime.stopInstance(id, 'clean')));
  const stops = [
    ...(await stop(instances.filter((id) => leaders.has(id)))),
    ...(await stop(instances.filter((id) => !leaders.has(id)))),
  ];
  // One that does not end keeps nobody else running.
  for (const each of stops) if (each.status === 'rejected') throw each.reason;
  return running.filter(Boolean).length;
}
