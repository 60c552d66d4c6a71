/**
 * moor connect: opens the engine's own client on a cluster. The password goes by a file that only
 * this user can read (MySQL) or by the environment (PostgreSQL), never by the command line, which
 * every user of the host can see.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Command } from 'commander';
import type { Account, Cluster } from '../../api/contract/schemas.ts';
import { messageOf, PlatformError } from '../../lib/errors.ts';
import { urlWith } from '../cluster-view.ts';
import { contextOf } from '../context.ts';
import type { CliEnvironment } from '../environment.ts';

type Options = { readOnly?: boolean; print?: boolean };
type ClientCommand = { program: string; args: string[]; env: Record<string, string> };

export function addConnect(program: Command, environment: CliEnvironment): void {
  program
    .command('connect <name> [clientArguments...]')
    .description("open the engine's client; what follows -- is handed to it")
    .option('--read-only', 'the read-only endpoint')
    .option('--print', 'print the address with the password instead')
    .action(async (name: string, extra: string[], options: Options, self: Command) => {
      const context = contextOf(self, environment);
      const { output } = context;
      const client = await context.client();
      const cluster = await client.call('getCluster', { params: { name } });
      const endpoint = options.readOnly ? cluster.endpoints?.readOnly : cluster.endpoints?.readWrite;
      if (!endpoint) {
        throw new PlatformError(
          'refused',
          `${name} has no open endpoint: ${cluster.explain[0] ?? cluster.state}`,
          {
            hint: `See why with: moor explain ${name}`,
          },
        );
      }
      const account = await client.call('getAccount', { params: { name } });
      const url = urlWith(endpoint.url, account);
      if (output.json) {
        const { host, port } = endpoint;
        const { user, password, database } = account;
        return output.object({ host, port, url, user, password, database });
      }
      if (options.print) return output.line(url);
      await openClient(cluster, account, endpoint, extra, environment);
    });
}

async function openClient(
  cluster: Cluster,
  account: Account,
  endpoint: { host: string; port: number },
  extra: string[],
  environment: CliEnvironment,
): Promise<void> {
  const tool = cluster.engine === 'mysql' ? 'mysql' : 'psql';
  const program = findProgram(tool, account.clientDirectory, environment.env.PATH ?? '');
  if (program === undefined) {
    throw new PlatformError('refused', `The program ${tool} is not on this host`, {
      hint: `Install it, or print the address with: moor connect ${cluster.name} --print`,
    });
  }
  const directory = await mkdtemp(join(tmpdir(), 'mooring-connect-'));
  try {
    const ca = join(directory, 'ca.crt');
    await writeFile(ca, account.ca, { mode: 0o600 });
    const command =
      cluster.engine === 'mysql'
        ? await mysqlCommand(program, account, endpoint, directory, ca)
        : postgresCommand(program, account, endpoint, ca);
    const code = await run({ ...command, args: [...command.args, ...extra] }, environment);
    if (code !== 0) throw new PlatformError('unavailable', `${tool} ended with code ${code}`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function mysqlCommand(
  program: string,
  account: Account,
  endpoint: { host: string; port: number },
  directory: string,
  ca: string,
): Promise<ClientCommand> {
  const file = join(directory, 'client.cnf');
  const lines = [
    '[client]',
    `host=${endpoint.host}`,
    `port=${endpoint.port}`,
    'protocol=TCP',
    `user=${account.user}`,
    `password="${account.password}"`,
    'ssl-mode=VERIFY_CA',
    `ssl-ca=${ca}`,
  ];
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  return { program, args: [`--defaults-file=${file}`, `--database=${account.database}`], env: {} };
}

function postgresCommand(
  program: string,
  account: Account,
  endpoint: { host: string; port: number },
  ca: string,
): ClientCommand {
  return {
    program,
    args: [],
    env: {
      PGHOST: endpoint.host,
      PGPORT: String(endpoint.port),
      PGUSER: account.user,
      PGPASSWORD: account.password,
      PGDATABASE: account.database,
      PGSSLMODE: 'verify-ca',
      PGSSLROOTCERT: ca,
    },
  };
}

function findProgram(tool: string, clientDirectory: string, path: string): string | undefined {
  return [clientDirectory, ...path.split(delimiter)]
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, tool))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

async function run(command: ClientCommand, environment: CliEnvironment): Promise<number> {
  // Ctrl-C belongs to the client while it runs: it cancels a query there.
  const forget = environment.onInterrupt(() => {});
  try {
    return await new Promise<number>((resolve, reject) => {
      const child = spawn(command.program, command.args, {
        stdio: 'inherit',
        env: { ...environment.env, ...command.env },
      });
      child.once('error', (error) =>
        reject(new PlatformError('unavailable', `Cannot run ${command.program}: ${messageOf(error)}`)),
      );
      child.once('exit', (code) => resolve(code ?? 1));
    });
  } finally {
    forget();
  }
}
