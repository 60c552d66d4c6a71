/** moor list */
import type { Command } from 'commander';
import { detailJson } from '../cluster-view.ts';
import { contextOf } from '../context.ts';
import type { CliEnvironment } from '../environment.ts';
import { localTime } from '../output.ts';

export function addList(program: Command, environment: CliEnvironment): void {
  program
    .command('list')
    .alias('ls')
    .description('list clusters')
    .option('--deleted', 'those that are deleted and can be brought back')
    .action(async (options: { deleted?: boolean }, self: Command) => {
      const context = contextOf(self, environment);
      const { output } = context;
      const client = await context.client();
      const deleted = options.deleted === true;
      const found = await client.call('listClusters', { query: { deleted: deleted ? 'true' : 'false' } });
      const clusters = deleted ? found.filter((c) => c.deletedAt !== null) : found;
      if (output.json) return output.object(clusters.map(detailJson));
      if (clusters.length === 0) {
        return output.line(
          deleted ? 'No deleted clusters.' : 'No clusters yet. Create one with: moor create mysql orders',
        );
      }
      if (deleted) {
        return output.table(
          ['name', 'engine', 'topology', 'deleted', 'kept until'],
          clusters.map((c) => [
            c.name,
            `${c.engine} ${c.version}`,
            c.topology,
            localTime(c.deletedAt),
            localTime(c.purgeAfter),
          ]),
        );
      }
      output.table(
        ['name', 'engine', 'topology', 'state', 'read-write', 'health'],
        clusters.map((c) => [
          c.name,
          `${c.engine} ${c.version}`,
          c.topology,
          c.state,
          c.endpoints ? `${c.endpoints.readWrite.host}:${c.endpoints.readWrite.port}` : '-',
          c.explain[0] ?? '',
        ]),
      );
    });
}
