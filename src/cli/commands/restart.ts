/** moor restart */
import type { Command } from 'commander';
import { contextOf } from '../context.ts';
import type { CliEnvironment } from '../environment.ts';
import { finishOperation } from '../finish.ts';
import { addWaiting, type Waiting } from '../options.ts';

export function addRestart(program: Command, environment: CliEnvironment): void {
  const command = program
    .command('restart <name> [instance]')
    .description('restart one instance, or all one after the other');
  addWaiting(command).action(
    async (name: string, instance: string | undefined, options: Waiting, self: Command) => {
      const context = contextOf(self, environment);
      const client = await context.client();
      const accepted = await client.call('restartCluster', { params: { name }, body: { instance } });
      await finishOperation(context, client, accepted, options, `${instance ?? name} is restarted`);
    },
  );
}
