/**
 * Limits of an instance by control groups, where the host lets us.
 *
 * Memory is a hard limit: the size plus room for the agent, which lives in the same group because the
 * server inherits the group from it. Processors are shared in proportion to sizes, not capped: a cap
 * stalls the agent's heartbeat together with a busy server, and a stalled heartbeat looks like a fault.
 */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SizeOffer } from '../../domain/sizes.ts';
import { codeOf, messageOf } from '../../lib/errors.ts';
import { until } from '../../lib/wait.ts';
import { writeFileAtomic } from '../../os/files.ts';
import type { Enforcement } from '../runtime.ts';

/** What agent and short-lived helpers may use on top of the server's size. */
const headroomMb = 192;

/** A directory of a control group hierarchy under which groups of instances are made. */
type Controller = { name: 'memory' | 'cpu'; parent: string; version: 1 | 2 };
type Support = { memory: Controller | string; cpu: Controller | string };

export type Limits = {
  enforcement(): Enforcement[];
  /** Puts the processes into the instance's group, making it when needed. Never throws. */
  apply(instanceId: string, size: SizeOffer, pids: () => number[], recordFile: string): Promise<void>;
  /** Removes the groups named in the record. The processes must have ended. */
  remove(recordFile: string): Promise<void>;
};

export type LimitsOptions = {
  /** Makes the groups of two platforms on one host different. */
  platformId: string;
  root?: string;
  ownGroups?: string;
  isRoot?: boolean;
  onProblem(facts: object, message: string): void;
};

export function createLimits(options: LimitsOptions): Limits {
  const groupName = `mooring-${options.platformId}`;
  let support: Support | undefined;
  const detected = () => {
    support ??= detect(groupName, options);
    return support;
  };

  return {
    enforcement: () => [
      sentence('memory', detected().memory, 'the kernel keeps server and agent within the size (cgroup)'),
      sentence('cpu', detected().cpu, 'processors are shared in proportion to sizes when busy (cgroup)'),
      {
        resource: 'disk',
        enforced: false,
        how: 'each agent watches its volume and refuses writes when it is full; the file system sets no quota',
      },
    ],

    async apply(instanceId, size, pids, recordFile) {
      const { memory, cpu } = detected();
      const groups: string[] = [];
      try {
        if (typeof memory !== 'string') {
          const bytes = String((size.memoryMb + headroomMb) * 1024 * 1024);
          const file = memory.version === 2 ? 'memory.max' : 'memory.limit_in_bytes';
          groups.push(makeGroup(memory, instanceId, { [file]: bytes }));
        }
        if (typeof cpu !== 'string') {
          const [file, value] =
            cpu.version === 2 ? ['cpu.weight', 100 * size.cpus] : ['cpu.shares', 1024 * size.cpus];
          groups.push(makeGroup(cpu, instanceId, { [String(file)]: String(value) }));
        }
        const unique = [...new Set(groups)];
        await writeFileAtomic(recordFile, JSON.stringify(unique));
        // A child that was started while its parent was being moved is seen at the next look.
        const moved = new Set<number>();
        for (;;) {
          const fresh = pids().filter((pid) => !moved.has(pid));
          if (fresh.length === 0) break;
          for (const pid of fresh) {
            for (const group of unique) moveInto(group, pid);
            moved.add(pid);
          }
        }
      } catch (error) {
        options.onProblem({ instanceId, problem: messageOf(error) }, 'limits could not be set');
      }
    },

    async remove(recordFile) {
      const text = await readFile(recordFile, 'utf8').catch(() => '[]');
      for (const group of JSON.parse(text) as string[]) {
        if (!group.includes(`/${groupName}/`)) continue;
        // The kernel lets go of a group a moment after its last process has ended.
        await until(`control group ${group} to be removable`, () => removeGroup(group), {
          deadlineMs: 2_000,
        }).catch((error) => options.onProblem({ group, problem: messageOf(error) }, 'a group is left'));
        removeGroup(dirname(group)); // stays while other instances are in it
      }
      await rm(recordFile, { force: true });
    },
  };
}

function sentence(resource: 'memory' | 'cpu', found: Controller | string, how: string): Enforcement {
  return typeof found === 'string'
    ? { resource, enforced: false, how: `${found}; the engine's own settings keep to the size` }
    : { resource, enforced: true, how };
}

function detect(groupName: string, options: LimitsOptions): Support {
  if (!(options.isRoot ?? process.getuid?.() === 0)) {
    const why = 'control groups need root, and the platform was started by an ordinary user';
    return { memory: why, cpu: why };
  }
  const root = options.root ?? '/sys/fs/cgroup';
  const own = options.ownGroups ?? readOr('/proc/self/cgroup', '');
  const one = (controller: 'memory' | 'cpu', probe: Record<2 | 1, [string, string]>) => {
    let why = `this host offers no control group for ${controller}`;
    for (const candidate of candidates(root, own, controller)) {
      try {
        const [file, value] = probe[candidate.version];
        const found = { ...candidate, parent: join(candidate.parent, groupName) };
        removeGroup(makeGroup(found, 'probe', { [file]: value }));
        removeGroup(found.parent);
        return found;
      } catch (error) {
        why = `control groups cannot be used for ${controller} here (${codeOf(error) ?? messageOf(error)})`;
      }
    }
    return why;
  };
  return {
    memory: one('memory', { 1: ['memory.limit_in_bytes', '1073741824'], 2: ['memory.max', '1073741824'] }),
    cpu: one('cpu', { 1: ['cpu.shares', '1024'], 2: ['cpu.weight', '100'] }),
  };
}

/**
 * Version 2 groups are made at the top, because a group with processes of its own (ours) may not have
 * children with limits. Version 1 groups are made below our own, so that a limit set on us still holds.
 */
function candidates(root: string, own: string, name: 'memory' | 'cpu'): Controller[] {
  const found: Controller[] = [];
  if (readOr(join(root, 'cgroup.controllers'), '').split(/\s+/).includes(name)) {
    found.push({ name, parent: root, version: 2 });
  }
  for (const line of own.split('\n')) {
    const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (names?.split(',').includes(name)) {
      found.push({ name, parent: join(root, name, path ?? ''), version: 1 });
      // Inside a container the path is the host's, and the mount already is our own group.
      if (path !== '/') found.push({ name, parent: join(root, name), version: 1 });
    }
  }
  return found;
}

function makeGroup(controller: Controller, name: string, values: Record<string, string>): string {
  const group = join(controller.parent, name);
  make(controller.parent);
  if (controller.version === 2) {
    for (const above of [dirname(controller.parent), controller.parent]) {
      writeFileSync(join(above, 'cgroup.subtree_control'), `+${controller.name}`);
    }
  }
  make(group);
  for (const [file, value] of Object.entries(values)) writeFileSync(join(group, file), value);
  return group;
}

function make(group: string): void {
  try {
    mkdirSync(group);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function moveInto(group: string, pid: number): void {
  try {
    writeFileSync(join(group, 'cgroup.procs'), String(pid));
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error; // it ended meanwhile
  }
}

function removeGroup(group: string): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true;
    if (codeOf(error) === 'EBUSY' || codeOf(error) === 'ENOTEMPTY') return false;
    throw error;
  }
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return otherwise;
  }
}
