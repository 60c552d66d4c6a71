/** moor cancel */
import type { Command } from 'commander';
import { contextOf } from '../context.ts';
import type { CliEnvironment } from '../environment.ts';

export function addCancel(program: Command, environment: CliEnvironment): void {
  program
    .command('cancel <operation>')
    .description('cancel an operation; what it has done is undone where it can be')
    .action(async (id: string, _options: object, self: Command) => {
      const context = contextOf(self, environment);
      const { output } = context;
      const client = await context.client();
      const operation = await client.call('cancelOperation', { params: { id } });
      if (output.json) return output.object(operation);
      output.line(`The ${operation.kind} of ${operation.cluster} is ${operation.state}`);
      output.line(`See it with: moor operations ${id}`);
    });
}
