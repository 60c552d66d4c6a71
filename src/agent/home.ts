/**
 * An instance's home on disk, as the runtime lays it out and the agent keeps it:
 *
 *   agent.json            what this instance is (written by the runtime, read at each start)
 *   agent.pid             who its agent is
 *   tls/                  ca.crt, server.crt, server.key
 *   state/promise.json    terms promised; fsynced before each reply that relies on it
 *   state/assignment.json the newest assignment taken over
 *   state/server.pid      the server that runs, and for which restart it was started
 *   state/counters.json   what is kept for people only
 *   volume/data           the database; volume/.promised says that a promise file must exist
 *   run/, log/            sockets; agent.log, server.log
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import type { Assignment } from '../domain/assignment.ts';
import { sizeOffers } from '../domain/sizes.ts';
import type { InstanceContext, InstanceFiles } from '../engines/engine.ts';
import { codeOf, messageOf, PlatformError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { writeFileAtomic } from '../os/files.ts';
import type { AgentLaunch } from './contract/contract.ts';
import { agentLaunchSchema, assignmentSchema } from './contract/schemas.ts';

export type Home = ReturnType<typeof homeOf>;

export function homeOf(home: string) {
  const state = join(home, 'state');
  const volume = join(home, 'volume');
  const files: InstanceFiles = {
    home,
    volume,
    data: join(volume, 'data'),
    run: join(home, 'run'),
    log: join(home, 'log'),
    tls: {
      ca: join(home, 'tls', 'ca.crt'),
      cert: join(home, 'tls', 'server.crt'),
      key: join(home, 'tls', 'server.key'),
    },
  };
  return {
    files,
    state,
    launch: join(home, 'agent.json'),
    agentPid: join(home, 'agent.pid'),
    promise: join(state, 'promise.json'),
    promiseMarker: join(volume, '.promised'),
    assignment: join(state, 'assignment.json'),
    serverPid: join(state, 'server.pid'),
    counters: join(state, 'counters.json'),
    agentLog: join(files.log, 'agent.log'),
    serverLog: join(files.log, 'server.log'),
    probe: join(volume, '.fsync-probe'),
  };
}

export async function readLaunch(home: Home): Promise<AgentLaunch> {
  const text = await readFile(home.launch, 'utf8').catch((cause) => {
    throw new PlatformError('refused', `The agent cannot read ${home.launch}: ${messageOf(cause)}`, {
      hint: 'Give the directory of an instance with --home',
      cause,
    });
  });
  return parseJson(agentLaunchSchema, text, home.launch);
}

/** Undefined when there is none yet; throws when it cannot be understood. */
export async function readAssignment(home: Home): Promise<Assignment | undefined> {
  const text = await readIfThere(home.assignment);
  return text === undefined ? undefined : parseJson(assignmentSchema, text, home.assignment);
}

export async function writeAssignment(home: Home, assignment: Assignment): Promise<void> {
  await writeFileAtomic(home.assignment, JSON.stringify(assignment), { durable: true });
}

/** For people only: a lost counter is a zero, and losing one is not worth an fsync. */
const countersSchema = z.object({
  unplannedRestarts: z.int(),
  restartsDone: z.int(),
  applicationTerm: z.int(),
});
export type Counters = z.infer<typeof countersSchema>;

export async function readCounters(home: Home): Promise<Counters> {
  try {
    return countersSchema.parse(JSON.parse(await readFile(home.counters, 'utf8')));
  } catch {
    return { unplannedRestarts: 0, restartsDone: 0, applicationTerm: 0 };
  }
}

export async function writeCounters(home: Home, counters: Counters): Promise<void> {
  await writeFileAtomic(home.counters, JSON.stringify(counters));
}

export function contextOf(home: Home, launch: AgentLaunch, log: Log): InstanceContext {
  const { identity, secrets, pack } = launch;
  return { identity, secrets, pack, size: sizeOffers[identity.size], files: home.files, log };
}

export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export function parseJson<T>(schema: z.ZodMiniType<T>, text: string, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new PlatformError('refused', `${what} holds no JSON`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new PlatformError('refused', `${what} is not of the expected shape: ${issuesOf(parsed.error)}`);
}

/** The first few things that are wrong, without the values: they may be secrets. */
export function issuesOf(error: z.core.$ZodError): string {
  return error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message || issue.code}`)
    .join('; ');
}
