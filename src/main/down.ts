/** `moor down`: stops the platform and, unless told otherwise, its databases. Nothing is lost. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf, PlatformError } from '../lib/errors.ts';
import { silentLog } from '../lib/log.ts';
import { tryLock } from '../os/lock.ts';
import { signal, untilGone } from '../os/processes.ts';
import { createLocalRuntime } from '../runtimes/local/runtime.ts';
import { stopEmbeddedStore } from './embedded-store.ts';
import { dataDirectoryPath, readFacts, runningPlatform } from './host/data-directory.ts';
import type { Environment } from './settings.ts';
import { stopDatabases } from './stop-databases.ts';
import { keepDatabasesSignal } from './up.ts';

const deadlineMs = 120_000;

export async function run(args: string[], environment: Environment): Promise<number> {
  const { data, keepDatabases, json } = parse(args);
  const path = dataDirectoryPath(data, environment);
  const running = runningPlatform(path);
  const say = (text: string) => {
    if (!json) process.stdout.write(`  ${text}\n`);
  };
  if (running !== undefined) {
    say(
      `Stopping the platform (process ${running.process.pid})${keepDatabases ? '; databases go on serving' : ''}`,
    );
    signal(running.process, keepDatabases ? keepDatabasesSignal : 'SIGTERM');
    await untilGone(running.process, deadlineMs);
  }
  // A platform that was killed leaves its databases serving, and so does --keep-databases.
  const isMine = readFacts(path) !== undefined;
  const stopped = keepDatabases || !isMine ? 0 : await alone(path, () => stopWhatRuns(path));
  if (running === undefined && stopped === 0) say(`Nothing runs with the data directory ${path}`);
  else say('Stopped');
  if (json)
    process.stdout.write(`${JSON.stringify({ stopped: true, dataDirectory: path, keepDatabases })}\n`);
  return 0;
}

/** Holds the directory's lock meanwhile: what a platform that starts at this moment runs is not ours. */
async function alone<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = await tryLock(join(path, 'platform.lock'));
  if (!lock.held) {
    throw new PlatformError(
      'conflict',
      `A platform has just been started with ${path} (process ${lock.holder?.pid})`,
      {
        hint: 'Stop that one with: moor down',
      },
    );
  }
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** Started by root, databases run under another account; its processes are told by it. */
function ownerOf(directory: string): { name: string; uid: number; gid: number } | null {
  const stat = statSync(directory, { throwIfNoEntry: false });
  if (stat === undefined || stat.uid === process.getuid?.()) return null;
  return { name: String(stat.uid), uid: stat.uid, gid: stat.gid };
}

/** Ends what a platform that is gone has left running; returns how many agents, forwarders and stores ran. */
async function stopWhatRuns(path: string): Promise<number> {
  const facts = readFacts(path);
  if (facts === undefined) return 0;
  await using runtime = await createLocalRuntime({
    dataDirectory: path,
    platformId: facts.id,
    account: ownerOf(join(path, 'instances')),
    programs: { node: '', agent: '', forwarder: '' },
    nodeFlags: [],
    packs: () => Promise.reject(new Error('nothing is started here')),
    hosts: [],
    controllerUrl: () => '',
    log: silentLog,
  });
  const databases = await stopDatabases(runtime, new Set());
  const stores = (await stopEmbeddedStore(path)) ? 1 : 0;
  return databases + stores;
}

function parse(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: { data: { type: 'string' }, 'keep-databases': { type: 'boolean' }, json: { type: 'boolean' } },
    });
    return {
      data: values.data,
      keepDatabases: values['keep-databases'] ?? false,
      json: values.json ?? false,
    };
  } catch (error) {
    throw new PlatformError('invalid', messageOf(error), {
      hint: 'Usage: moor down [--keep-databases] [--data DIR] [--json]',
      cause: error,
    });
  }
}
