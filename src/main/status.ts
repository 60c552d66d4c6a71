/** `moor status`: whether the platform runs here, where it answers, and what it serves. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createClient } from '../api/contract/client.ts';
import { messageOf, PlatformError } from '../lib/errors.ts';
import { dataDirectoryPath, readFacts, runningPlatform } from './host/data-directory.ts';
import type { Environment } from './settings.ts';

export async function run(args: string[], environment: Environment): Promise<number> {
  const { data, json } = parse(args);
  const path = dataDirectoryPath(data, environment);
  const running = runningPlatform(path);
  const facts = readFacts(path);
  const platform =
    running?.address === undefined ? undefined : await ask(path, running.address).catch(messageOf);
  const clusters = typeof platform === 'object' ? platform.clusters : [];
  const answer = {
    running: running !== undefined,
    answers: typeof platform === 'object',
    pid: running?.process.pid ?? null,
    url: running?.address ?? null,
    version: facts?.version ?? null,
    dataDirectory: path,
    health: typeof platform === 'object' ? platform.health : null,
    clusters,
  };
  if (json) process.stdout.write(`${JSON.stringify(answer)}\n`);
  else
    process.stdout.write(
      `${lines(answer, typeof platform === 'string' ? platform : undefined).join('\n')}\n`,
    );
  return answer.answers ? 0 : 1;
}

type Answer = {
  running: boolean;
  answers: boolean;
  pid: number | null;
  url: string | null;
  version: string | null;
  dataDirectory: string;
  clusters: { name: string; state: string; explain: string }[];
};

function lines(answer: Answer, problem: string | undefined): string[] {
  if (answer.version === null) {
    return [`  No platform has been started in ${answer.dataDirectory}`, '  Start one with: moor up'];
  }
  if (!answer.running) {
    return [
      `  The platform of ${answer.dataDirectory} does not run (Mooring ${answer.version})`,
      '  Databases that it left serving go on. Start it with: moor up',
    ];
  }
  const head = [
    `  Mooring ${answer.version} runs as process ${answer.pid}${answer.url === null ? ' and is starting' : ` at ${answer.url}`}`,
    `  Data directory ${answer.dataDirectory}`,
  ];
  if (problem !== undefined) return [...head, `  It does not answer: ${problem}`];
  if (answer.clusters.length === 0) return [...head, '  No clusters yet: moor create mysql orders'];
  return [
    ...head,
    ...answer.clusters.map(
      ({ name, state, explain }) => `  ${name.padEnd(20)} ${state.padEnd(12)} ${explain}`,
    ),
  ];
}

async function ask(path: string, url: string) {
  const token = readFileSync(join(path, 'cli-token'), 'utf8').trim();
  const client = createClient({ baseUrl: url, token: () => token });
  const [health, clusters] = await Promise.all([
    client.call('health', { signal: AbortSignal.timeout(5000) }),
    client.call('listClusters', { signal: AbortSignal.timeout(5000) }),
  ]);
  return {
    health,
    clusters: clusters.map(({ name, state, explain }) => ({ name, state, explain: explain[0] ?? '' })),
  };
}

function parse(args: string[]) {
  try {
    const { values } = parseArgs({ args, options: { data: { type: 'string' }, json: { type: 'boolean' } } });
    return { data: values.data, json: values.json ?? false };
  } catch (error) {
    throw new PlatformError('invalid', messageOf(error), {
      hint: 'Usage: moor status [--data DIR] [--json]',
      cause: error,
    });
  }
}
