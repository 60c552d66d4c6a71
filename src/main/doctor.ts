/** `moor doctor`: the checks of host/doctor.ts as a table or as JSON. */
import { parseArgs } from 'node:util';
import { PlatformError } from '../lib/errors.ts';
import { dataDirectoryPath } from './host/data-directory.ts';
import { type Check, examine, type Verdict, worst } from './host/doctor.ts';
import type { Environment } from './moor.ts';

const defaultPort = 7600;

export async function run(argv: string[], environment: Environment): Promise<number> {
  const options = parse(argv);
  const checks = await examine({
    dataDirectory: dataDirectoryPath(options.data, environment),
    port: options.port,
  });
  const verdict = worst(checks);
  if (options.json) process.stdout.write(`${JSON.stringify({ verdict, checks }, undefined, 2)}\n`);
  else process.stdout.write(`${table(checks)}\n${closing[verdict]}\n`);
  return verdict === 'problem' ? 1 : 0;
}

function parse(argv: string[]): { data?: string; port: number; json: boolean } {
  const usage = (message: string, cause?: unknown) =>
    new PlatformError('invalid', message, {
      hint: 'Usage: moor doctor [--data DIR] [--port N] [--json]',
      cause,
    });
  try {
    const { values } = parseArgs({
      args: argv,
      options: { data: { type: 'string' }, port: { type: 'string' }, json: { type: 'boolean' } },
    });
    const port = Number(values.port ?? defaultPort);
    if (!Number.isInteger(port) || port < 1 || port > 65535) throw usage(`${values.port} is not a port.`);
    return { data: values.data, port, json: values.json ?? false };
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    throw usage(error instanceof Error ? error.message : 'Wrong arguments.', error);
  }
}

const closing: Record<Verdict, string> = {
  ok: 'This machine is ready: moor up',
  warning: 'This machine works, with the limits above: moor up',
  problem: 'Repair the problems above first, then run moor doctor again.',
};

export function table(checks: Check[]): string {
  const name = Math.max(...checks.map((check) => check.name.length));
  return checks
    .map(({ name: of, verdict, finding, advice }) => {
      const line = `${verdict.padEnd(8)} ${of.padEnd(name)}  ${finding}`;
      return advice === undefined ? line : `${line}\n${' '.repeat(name + 11)}${advice}`;
    })
    .join('\n');
}
