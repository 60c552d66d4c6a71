/**
 * The command `moor`: commands that start, stop and look after the platform on this machine are
 * here; all others talk to a platform through its API and are the CLI's.
 */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

const checkout = join(import.meta.dirname, '../..');
enableCompileCache(join(checkout, '.moor/compile-cache'));

export type Environment = Record<string, string | undefined>;
export type Command = (argv: string[], environment: Environment) => Promise<number>;

/** Loaded when they are called, so that a small command starts quickly. */
const platformCommands: Record<string, () => Promise<{ run: Command }>> = {
  up: () => import('./up.ts'),
  down: () => import('./down.ts'),
  status: () => import('./status.ts'),
  doctor: () => import('./doctor.ts'),
  test: () => import('./test.ts'),
};

async function main(argv: string[], environment: Environment): Promise<number> {
  const [name = ''] = argv;
  const command = Object.hasOwn(platformCommands, name) ? platformCommands[name] : undefined;
  if (command === undefined) {
    const { runCli } = await import('../cli/main.ts');
    return runCli(argv);
  }
  const { run } = await command();
  return run(argv.slice(1), environment);
}

try {
  process.exitCode = await main(process.argv.slice(2), process.env);
} catch (error) {
  // One table of exit codes and one look of errors for all commands.
  const [{ reportFailure }, { processEnvironment }] = await Promise.all([
    import('../cli/failures.ts'),
    import('../cli/environment.ts'),
  ]);
  process.exitCode = reportFailure(error, process.argv.includes('--json'), processEnvironment());
}
