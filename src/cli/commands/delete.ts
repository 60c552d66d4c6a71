/** moor delete: asks for the name, because a deleted database is a bad surprise. */
import type { Command } from 'commander';
import { PlatformError } from '../../lib/errors.ts';
import { contextOf } from '../context.ts';
import type { CliEnvironment } from '../environment.ts';
import { finishOperation } from '../finish.ts';
import { addWaiting, type Waiting } from '../options.ts';

type Options = Waiting & { yes?: boolean; purge?: boolean };

export function addDelete(program: Command, environment: CliEnvironment): void {
  const command = program
    .command('delete <name>')
    .description('delete a cluster; its data is kept for some days unless purged')
    .option('--yes', 'do not ask for the name')
    .option('--purge', 'free everything now; nothing can bring the data back');
  addWaiting(command).action(async (name: string, options: Options, self: Command) => {
    const context = contextOf(self, environment);
    const client = await context.client();
    const purge = options.purge === true;
    if (!options.yes) {
      const effect = purge
        ? 'and its data are destroyed for good'
        : 'stops serving; its data is kept for some days';
      const typed = await context.ask(
        `${name} ${effect}.\nType its name to go on: `,
        `Say that you mean it with: moor delete ${name}${purge ? ' --purge' : ''} --yes`,
      );
      if (typed.trim() !== name) {
        throw new PlatformError('refused', 'That is not its name; nothing was deleted');
      }
    }
    const accepted = await client.call('deleteCluster', { params: { name }, body: { confirm: name, purge } });
    await finishOperation(
      context,
      client,
      accepted,
      options,
      purge ? `${name} is gone` : `${name} is deleted. Bring it back with: moor undelete ${name}`,
    );
  });
}
