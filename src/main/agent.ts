/**
 * The agent's program.
 *
 *   node agent.mjs run --home DIR                  supervises the instance whose home is DIR
 *   node agent.mjs template --pack FILE --dir DIR  makes the data directory that instances start from
 *
 * Exit codes are in src/agent/contract/launch.ts. Only the driver that is needed is loaded.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startAgent } from '../agent/agent.ts';
import { agentExitCodes } from '../agent/contract/launch.ts';
import { packSchema } from '../agent/contract/schemas.ts';
import { homeOf, parseJson, readLaunch } from '../agent/home.ts';
import { openLogFile } from '../agent/log-file.ts';
import type { EngineKind } from '../domain/engines.ts';
import type { EngineDriver } from '../engines/engine.ts';
import { messageOf, PlatformError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { tryLock } from '../os/lock.ts';

const usage = `usage: agent run --home DIR
       agent template --pack FILE --dir DIR`;

const drivers = {
  mysql: async () => (await import('../engines/mysql/driver.ts')).mysqlDriver,
  postgres: async () => (await import('../engines/postgres/driver.ts')).postgresDriver,
} satisfies Record<EngineKind, () => Promise<EngineDriver>>;

async function run(directory: string): Promise<void> {
  const home = homeOf(resolve(directory));
  const launch = await readLaunch(home);
  // The lock's file is at the same time the pid file by which the runtime finds this agent. Should it
  // be lost, the arguments tell, so process.title must stay as it is: setting it overwrites them.
  const lock = await tryLock(home.agentPid);
  if (!lock.held) {
    say(`another agent runs on ${home.files.home}${lock.holder ? ` (process ${lock.holder.pid})` : ''}`);
    process.exit(agentExitCodes.alreadyRuns);
  }
  process.umask(0o077);
  process.chdir(home.files.home);
  const { log, flush } = openLogFile(home.agentLog, { instance: launch.identity.name });
  const driver = await drivers[launch.identity.engine]();
  log.info({ pid: process.pid, node: process.version }, 'the agent starts');
  const agent = await startAgent({ home: home.files.home, launch, driver, log });

  let ending = false;
  const end = async (signal: string) => {
    if (ending) return;
    ending = true;
    if (signal === 'SIGINT') {
      log.info({ signal }, 'the agent stops its database server and ends');
      await agent
        .stopServer()
        .catch((error) => log.warn({ error: messageOf(error) }, 'the server has not stopped'));
    } else {
      log.info({ signal }, 'the agent ends; the database server goes on');
    }
    await agent.stop();
    await flush();
    process.exit(agentExitCodes.done);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(signal));
  process.on('SIGHUP', () => {});
}

async function template(packFile: string, directory: string): Promise<void> {
  const pack = parseJson(packSchema, await readFile(packFile, 'utf8'), packFile);
  const driver = await drivers[pack.engine]();
  process.umask(0o077);
  await driver.buildTemplate(resolve(directory), pack, stderrLog);
}

function say(message: string): void {
  process.stderr.write(`agent: ${message}\n`);
}

const stderrLog: Log = {
  debug() {},
  info: (_facts, message) => say(message),
  warn: (_facts, message) => say(message),
  error: (facts, message) => say(`${message} ${JSON.stringify(facts)}`),
  child: () => stderrLog,
};

async function main(): Promise<void> {
  let command: { positionals: string[]; values: { home?: string; pack?: string; dir?: string } };
  try {
    command = parseArgs({
      allowPositionals: true,
      options: { home: { type: 'string' }, pack: { type: 'string' }, dir: { type: 'string' } },
    });
  } catch (error) {
    say(`${messageOf(error)}\n${usage}`);
    process.exit(agentExitCodes.usage);
  }
  const { positionals, values } = command;
  if (positionals.length === 1 && positionals[0] === 'run' && values.home) return await run(values.home);
  if (positionals.length === 1 && positionals[0] === 'template' && values.pack && values.dir)
    return await template(values.pack, values.dir);
  say(usage);
  process.exit(agentExitCodes.usage);
}

main().catch((error: unknown) => {
  if (error instanceof PlatformError) {
    say([error.publicMessage, error.hint].filter(Boolean).join('. '));
    process.exit(error.kind === 'refused' ? agentExitCodes.unusable : agentExitCodes.crashed);
  }
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exit(agentExitCodes.crashed);
});
