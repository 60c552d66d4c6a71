/**
 * The command line: knows the platform only through the API's contract. One file per command;
 * this one puts them together and turns every way to end into an exit code.
 */
import { Command, CommanderError } from 'commander';
import { codeOf } from '../lib/errors.ts';
import { addAudit } from './commands/audit.ts';
import { addCancel } from './commands/cancel.ts';
import { addConnect } from './commands/connect.ts';
import { addCreate } from './commands/create.ts';
import { addDelete } from './commands/delete.ts';
import { addEngines } from './commands/engines.ts';
import { addEvents } from './commands/events.ts';
import { addExplain } from './commands/explain.ts';
import { addGet } from './commands/get.ts';
import { addList } from './commands/list.ts';
import { addLogin, addLogout } from './commands/login.ts';
import { addOperations } from './commands/operations.ts';
import { addRestart } from './commands/restart.ts';
import { addTeams } from './commands/teams.ts';
import { addTokens } from './commands/tokens.ts';
import { addUndelete } from './commands/undelete.ts';
import { addUsers } from './commands/users.ts';
import { type CliEnvironment, processEnvironment } from './environment.ts';
import { exitCodes, reportFailure } from './failures.ts';

const clusterCommands = [
  addCreate,
  addList,
  addGet,
  addExplain,
  addEvents,
  addConnect,
  addRestart,
  addDelete,
  addUndelete,
];
const otherCommands = [
  addEngines,
  addOperations,
  addCancel,
  addLogin,
  addLogout,
  addTeams,
  addUsers,
  addTokens,
  addAudit,
];

/** The commands that are not the API's; listed here so that one help names everything. */
const platformHelp = `
This host's platform:
  up                                  start the platform (and get what it needs)
  down [--keep-databases]             stop it
  status                              say whether it runs
  doctor                              check this host and say what to do
  test                                set up and pass the tests

Exit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 timed out`;

/** Runs one command line (without node and script) and returns its exit code. */
export async function runCli(
  argv: string[],
  environment: CliEnvironment = processEnvironment(),
): Promise<number> {
  const json = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : argv.length).includes('--json');
  const brokenPipe = (error: unknown) => {
    if (codeOf(error) !== 'EPIPE') throw error; // `moor list | head` is no error
  };
  environment.stdout.on('error', brokenPipe);
  try {
    await buildProgram(environment).parseAsync(argv, { from: 'user' });
    return exitCodes.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    return reportFailure(error, json, environment);
  }
}

function buildProgram(environment: CliEnvironment): Command {
  const program = new Command('moor')
    .description('Mooring: databases that do not lose a committed transaction')
    .option('--json', 'print JSON')
    .option('--data <directory>', "the data directory of this host's platform")
    .option('--url <address>', 'the address of a platform')
    .addHelpText('after', platformHelp)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void environment.stdout.write(text),
      writeErr: (text) => void environment.stderr.write(text),
      getOutHelpWidth: () => environment.stdout.columns || 100,
      getErrHelpWidth: () => environment.stderr.columns || 100,
      getOutHasColors: () => environment.stdout.isTTY === true,
      getErrHasColors: () => environment.stderr.isTTY === true,
    })
    .showHelpAfterError('next:  moor --help')
    .exitOverride();
  program.commandsGroup('Clusters:');
  for (const add of clusterCommands) add(program, environment);
  program.commandsGroup('Platform and people:');
  for (const add of otherCommands) add(program, environment);
  return program;
}
