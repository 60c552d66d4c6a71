/** Takes down everything that a data directory runs: forwarders, then instances, leaders first. */
import type { Runtime } from '../runtimes/runtime.ts';

/**
 * A leader is stopped before its standbys, so that it can finish its commits with their
 * acknowledgements and stop cleanly. `leaders` may be empty when the store is out of reach; stopping
 * in any order loses nothing, it only makes the next start longer.
 */
export async function stopDatabases(runtime: Runtime, leaders: ReadonlySet<string>): Promise<number> {
  const { instances, forwarders } = await runtime.inventory();
  await Promise.all(forwarders.map((id) => runtime.stopForwarder(id)));
  await Promise.all(instances.filter((id) => leaders.has(id)).map((id) => runtime.stopInstance(id, 'clean')));
  await Promise.all(
    instances.filter((id) => !leaders.has(id)).map((id) => runtime.stopInstance(id, 'clean')),
  );
  return instances.length;
}
