/** moor get */
import type { Command } from 'commander';
import { detailJson, showCluster } from '../cluster-view.ts';
import { contextOf } from '../context.ts';
import type { CliEnvironment } from '../environment.ts';

export function addGet(program: Command, environment: CliEnvironment): void {
  program
    .command('get <name>')
    .description('show one cluster: state, endpoints, instances')
    .action(async (name: string, _options: object, self: Command) => {
      const context = contextOf(self, environment);
      const client = await context.client();
      const cluster = await client.call('getCluster', { params: { name } });
      if (context.output.json) context.output.object(detailJson(cluster));
      else showCluster(context.output, cluster);
    });
}
