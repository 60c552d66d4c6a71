/** moor undelete */
import type { Command } from 'commander';
import { contextOf } from '../context.ts';
import type { CliEnvironment } from '../environment.ts';
import { finishOperation } from '../finish.ts';
import { addWaiting, type Waiting } from '../options.ts';

export function addUndelete(program: Command, environment: CliEnvironment): void {
  const command = program
    .command('undelete <name>')
    .description('bring a deleted cluster back with its data');
  addWaiting(command).action(async (name: string, options: Waiting, self: Command) => {
    const context = contextOf(self, environment);
    const client = await context.client();
    const accepted = await client.call('undeleteCluster', { params: { name } });
    await finishOperation(context, client, accepted, options, `${name} is back with its data`);
  });
}
