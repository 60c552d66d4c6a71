/**
 * A real platform for a test: `moor up` as a process of its own on an empty data directory, with
 * real engines. Disposing it takes everything down and fails when anything is left running.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Client, createClient } from '../../src/api/contract/client.ts';
import type { Cluster, OperationSummary } from '../../src/api/contract/schemas.ts';
import { until } from '../../src/lib/wait.ts';
import { testDirectory } from './directories.ts';

const root = join(import.meta.dirname, '../..');
const moor = join(root, 'src/main/moor.ts');

export type CliResult = { code: number; stdout: string; stderr: string };

/** What `create --json` prints. */
export type Created = {
  name: string;
  engine: 'mysql' | 'postgres';
  version: string;
  topology: string;
  state: string;
  endpoints: Record<'readWrite' | 'readOnly', { host: string; port: number; url: string }>;
  account: { user: string; password: string; database: string };
  instances: { name: string; role: string; zone: string; host: string; port: number }[];
  rule: { term: number; leader: string; k: number };
  secondsToReady: number;
};

export class Platform {
  readonly dataDirectory: string;
  readonly options: string[];
  url = '';
  adminPassword = '';
  #process: ChildProcess | undefined;
  #removeDirectory: () => Promise<void>;

  constructor(dataDirectory: string, options: string[], removeDirectory: () => Promise<void>) {
    this.dataDirectory = dataDirectory;
    this.options = options;
    this.#removeDirectory = removeDirectory;
  }

  get pid(): number {
    assert(this.#process?.pid !== undefined, 'the platform runs');
    return this.#process.pid;
  }

  get cliToken(): string {
    return readFileSync(join(this.dataDirectory, 'cli-token'), 'utf8').trim();
  }

  get api(): Client {
    return createClient({ baseUrl: this.url, token: () => this.cliToken });
  }

  /** Starts the platform process and waits until it says that it is ready. */
  async start(environment: Record<string, string> = {}): Promise<void> {
    const output = join(this.dataDirectory, '..', `${this.dataDirectory.split('/').at(-1)}.out`);
    const out = openSync(output, 'w');
    const child = spawn(
      process.execPath,
      [moor, 'up', '--json', '--data', this.dataDirectory, ...this.options],
      { stdio: ['ignore', out, out], env: { ...process.env, ...environment } },
    );
    closeSync(out);
    this.#process = child;
    const ready = await until(
      'the platform to be ready',
      () => {
        const line = readFileSync(output, 'utf8')
          .split('\n')
          .find((text) => text.startsWith('{"url"'));
        if (line !== undefined) return line;
        if (child.exitCode !== null || child.signalCode !== null) return 'ended';
        return undefined;
      },
      { deadlineMs: 120_000, everyMs: 20 },
    );
    assert.notEqual(ready, 'ended', `the platform ended: ${readFileSync(output, 'utf8')}`);
    const said = JSON.parse(ready) as { url: string; administrator: { password: string | null } };
    this.url = said.url;
    this.adminPassword = said.administrator.password ?? this.adminPassword;
  }

  /** Agents and servers. Spare volumes, which are copied in the background, belong to no instance. */
  instanceProcesses(): { pid: number; command: string }[] {
    const all = processesOf(join(this.dataDirectory, 'instances'));
    return all.filter(({ command }) => !command.includes('/.spares/'));
  }

  /** SIGKILL, as a crash would; databases and forwarders must not notice. */
  async kill(): Promise<void> {
    const child = this.#process;
    assert(child, 'the platform runs');
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    this.#process = undefined;
  }

  cli(...args: string[]): Promise<CliResult> {
    return runMoor([...args, '--data', this.dataDirectory]);
  }

  /** A command that must succeed, with its JSON. */
  async json<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.cli(...args, '--json');
    assert.equal(code, 0, `moor ${args.join(' ')}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as T;
  }

  create(engine: string, name: string, topology: string, ...more: string[]): Promise<Created> {
    return this.json<Created>('create', engine, name, '--topology', topology, ...more);
  }

  cluster(name: string): Promise<Cluster> {
    return this.api.call('getCluster', { params: { name } });
  }

  async untilCluster(name: string, what: string, holds: (cluster: Cluster) => boolean): Promise<Cluster> {
    let last: Cluster | undefined;
    try {
      return await until(
        `${name}: ${what}`,
        async () => {
          last = await this.cluster(name);
          return holds(last) ? last : undefined;
        },
        { deadlineMs: 60_000, everyMs: 30 },
      );
    } catch (error) {
      throw new Error(`${String(error)}; last seen: ${JSON.stringify(last?.explain)}`);
    }
  }

  untilReady(name: string): Promise<Cluster> {
    return this.untilCluster(name, 'ready', (cluster) => cluster.state === 'ready');
  }

  async operationDone(id: string, deadlineMs = 120_000): Promise<void> {
    let last: OperationSummary | undefined;
    const final = await until(
      'the operation to end',
      async () => {
        last = await this.api.call('getOperation', { params: { id } });
        return ['done', 'failed', 'cancelled'].includes(last.state) ? last : undefined;
      },
      { deadlineMs, everyMs: 30 },
    ).catch((error) => {
      throw new Error(`${String(error)}; last seen: ${last?.kind} ${last?.state}, ${last?.waitingFor}`);
    });
    assert.equal(final.state, 'done', JSON.stringify(final.error));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await runMoor(['down', '--data', this.dataDirectory]);
    if (this.#process !== undefined && this.#process.exitCode === null) await this.kill();
    const left = await settled(() => processesOf(this.dataDirectory));
    for (const { pid } of left) process.kill(pid, 'SIGKILL');
    await this.#removeDirectory();
    assert.deepEqual(left, [], 'nothing is left running after down');
  }
}

export type PlatformOptions = { zones?: number; options?: string[]; environment?: Record<string, string> };

export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const directory = await testDirectory();
  return await startPlatformIn(join(directory.path, 'data'), options, async () =>
    directory[Symbol.asyncDispose](),
  );
}

/** On a data directory that the test chooses, and removes unless it says how. */
export async function startPlatformIn(
  dataDirectory: string,
  options: PlatformOptions = {},
  remove: () => Promise<void> = async () => {},
): Promise<Platform> {
  const zones = options.zones === undefined ? [] : ['--zones', String(options.zones)];
  const platform = new Platform(dataDirectory, ['--port', '0', ...zones, ...(options.options ?? [])], remove);
  await platform.start(options.environment);
  return platform;
}

export function runMoor(args: string[], environment: Record<string, string> = {}): Promise<CliResult> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [moor, ...args],
      { env: { ...process.env, ...environment }, maxBuffer: 64 << 20 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ code, stdout, stderr });
      },
    );
  });
}

/** Processes that work in, or were started with, this directory. */
export function processesOf(directory: string): { pid: number; command: string }[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const cwd = readlinkSync(`/proc/${entry}/cwd`);
        const belongs =
          Number(entry) !== process.pid && (cwd.startsWith(directory) || command.includes(directory));
        return belongs ? [{ pid: Number(entry), command: command.slice(0, 200) }] : [];
      } catch {
        return []; // ended while we looked, or not ours to see
      }
    });
}

/** The last look of up to five seconds, or an empty list as soon as there is one. */
async function settled<T>(look: () => T[]): Promise<T[]> {
  for (let attempt = 0; attempt < 50; attempt++) {
    if (look().length === 0) return [];
    await delay(100);
  }
  return look();
}
