/** The processes behind a platform's clusters, found from outside: by their files and by /proc. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  argumentsOf,
  identify,
  isAlive,
  type ProcessIdentity,
  readPidFile,
  signal,
} from '../../src/os/processes.ts';
import type { Platform } from './platform.ts';

export type Victim = 'agent' | 'server';

export function storeOf(platform: Platform): ProcessIdentity | undefined {
  try {
    const file = join(platform.dataDirectory, 'store/data/postmaster.pid');
    return identify(Number(readFileSync(file, 'utf8').split('\n')[0]));
  } catch {
    return undefined;
  }
}

export function forwarderOf(platform: Platform, clusterId: string): ProcessIdentity | undefined {
  return living(readPidFile(join(platform.dataDirectory, 'forwarders', clusterId, 'forwarder.pid')));
}

export function agentOf(platform: Platform, instanceId: string): ProcessIdentity | undefined {
  return living(readPidFile(join(homeOf(platform, instanceId), 'agent.pid')));
}

export function serverOf(platform: Platform, instanceId: string): ProcessIdentity | undefined {
  return living(readPidFile(join(homeOf(platform, instanceId), 'state/server.pid')));
}

/** SIGKILL; false when there is no such process now. */
export function killOne(platform: Platform, victim: Victim, instanceId: string): boolean {
  return signal((victim === 'agent' ? agentOf : serverOf)(platform, instanceId), 'SIGKILL');
}

/** Pids of everything that must outlive the platform; equal before and after when it was adopted. */
export async function survivorsOf(platform: Platform, clusters: string[]): Promise<Record<string, number>> {
  const pids: Record<string, number> = {};
  const note = (what: string, process: ProcessIdentity | undefined) => {
    assert(process, `${what} runs`);
    pids[what] = process.pid;
  };
  note('store', storeOf(platform));
  for (const name of clusters) {
    const { id, instances } = await platform.cluster(name);
    note(`forwarder of ${name}`, forwarderOf(platform, id));
    for (const instance of instances) {
      note(`agent of ${instance.name}`, agentOf(platform, instance.id));
      note(`server of ${instance.name}`, serverOf(platform, instance.id));
    }
  }
  return pids;
}

/**
 * Names the instances that have more than one server or agent. A server is a process that bears the
 * instance's id in its environment and whose parent does not; an agent is told by its arguments.
 */
export function runningTwice(platform: Platform): string[] {
  const counts = new Map<string, number>();
  const count = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  const instances = join(platform.dataDirectory, 'instances');
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const cwd = readlinkSync(`/proc/${pid}/cwd`);
      if (!cwd.startsWith(`${instances}/`)) continue;
      const [mode, , home] = argumentsOf(Number(pid)).slice(-3);
      const bearer = instanceOf(pid);
      if (mode === 'run' && home === cwd) count(`agents of ${basename(home)}`);
      else if (bearer !== undefined && instanceOf(parentOf(pid)) !== bearer) count(`servers of ${bearer}`);
    } catch {
      // Ended while we looked.
    }
  }
  return [...counts].filter(([, running]) => running > 1).map(([what, running]) => `${running} ${what}`);
}

function homeOf(platform: Platform, instanceId: string): string {
  return join(platform.dataDirectory, 'instances', instanceId);
}

function living(process: ProcessIdentity | undefined): ProcessIdentity | undefined {
  return isAlive(process) ? process : undefined;
}

function instanceOf(pid: string): string | undefined {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return environment.find((entry) => entry.startsWith('MOORING_INSTANCE='))?.slice(17);
  } catch {
    return undefined;
  }
}

function parentOf(pid: string): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? '';
}
