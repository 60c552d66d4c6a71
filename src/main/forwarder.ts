/**
 * The forwarder's program: `node forwarder.mjs --home DIR` serves the endpoints that DIR/forwarder.json
 * names, until SIGTERM. It needs the platform only for news, and goes on without it.
 *
 * Exit codes: 0 ended by a signal, 1 failed, 2 wrong use, 4 another forwarder serves this home.
 */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { ForwarderLaunch } from '../domain/forwarder.ts';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { writeFileAtomic } from '../os/files.ts';
import { tryLock } from '../os/lock.ts';
import { identify } from '../os/processes.ts';
import { FeedFollower } from '../proxy/forwarder/feed.ts';
import { Forwarder } from '../proxy/forwarder/forwarder.ts';

const launchSchema: z.ZodType<ForwarderLaunch> = z.object({
  clusterId: z.string().min(1),
  clusterName: z.string(),
  endpoints: z
    .array(
      z.object({
        purpose: z.enum(['readWrite', 'readOnly']),
        host: z.string().min(1),
        port: z.number().int().min(1).max(65_535),
      }),
    )
    .min(1),
  feedUrl: z.url(),
  feedToken: z.string(),
});

async function run(home: string): Promise<void> {
  const readLaunch = async () =>
    launchSchema.parse(JSON.parse(await readFile(join(home, 'forwarder.json'), 'utf8')));
  const launch = await readLaunch();
  // The lock's file is at the same time the pid file by which the runtime finds this forwarder. Should
  // it be lost, the arguments tell, so process.title must stay as it is: setting it overwrites them.
  const lock = await tryLock(join(home, 'forwarder.pid'));
  if (!lock.held) {
    say({ level: 'error', holder: lock.holder?.pid, msg: 'another forwarder serves this home' });
    process.exit(4);
  }
  process.umask(0o077);
  const log = logTo({ cluster: launch.clusterName });
  log.info({ pid: process.pid, node: process.version }, 'the forwarder starts');

  const forwarder = new Forwarder(log);
  const follower = new FeedFollower({
    clusterId: launch.clusterId,
    source: readLaunch,
    file: join(home, 'feed.json'),
    onFeed: (feed) => forwarder.route(feed),
    log,
  });
  const ending = new AbortController();
  const end = async (signal: string) => {
    if (ending.signal.aborted) return;
    ending.abort();
    log.info({ signal, connections: forwarder.connections }, 'the forwarder ends');
    await forwarder.close();
    lock.release();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(signal));
  process.on('SIGHUP', () => {});

  await follower.restore();
  await Promise.all([
    follower.run(ending.signal),
    Promise.all(launch.endpoints.map((endpoint) => forwarder.listen(endpoint))).then(async () => {
      if (ending.signal.aborted) return;
      await writeFileAtomic(join(home, 'serving.pid'), JSON.stringify(identify(process.pid)));
    }),
  ]);
}

/** The runtime leads standard output into a file. A full disk must not end the forwarder. */
process.stdout.on('error', () => {});
function say(facts: object): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...facts })}\n`);
}

function logTo(bound: Record<string, unknown>): Log {
  const at = (level: string) => (facts: object, msg: string) => say({ level, ...bound, ...facts, msg });
  return {
    debug() {},
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (facts) => logTo({ ...bound, ...facts }),
  };
}

try {
  const { values } = parseArgs({ options: { home: { type: 'string' } } });
  if (values.home === undefined) {
    say({ level: 'error', msg: 'usage: forwarder --home DIR' });
    process.exitCode = 2;
  } else {
    await run(resolve(values.home));
  }
} catch (error) {
  say({ level: 'error', msg: `the forwarder cannot start: ${messageOf(error)}` });
  process.exitCode = 1;
}
