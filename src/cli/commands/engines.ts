/** moor engines: what can be created here. */
import type { Command } from 'commander';
import { contextOf } from '../context.ts';
import type { CliEnvironment } from '../environment.ts';
import { megabytes } from '../output.ts';

export function addEngines(program: Command, environment: CliEnvironment): void {
  program
    .command('engines')
    .description('list engines, topologies and sizes')
    .action(async (_options: object, self: Command) => {
      const context = contextOf(self, environment);
      const { output } = context;
      const client = await context.client();
      const catalogue = await client.call('catalogue');
      if (output.json) return output.object(catalogue);
      output.table(
        ['engine', 'version', 'note'],
        catalogue.engines.flatMap((e) =>
          e.versions.map((v) => [
            e.kind,
            v.version,
            v.version === e.defaultVersion ? `${v.label} (default)` : v.label,
          ]),
        ),
      );
      output.line();
      output.table(
        ['topology', 'instances', 'acknowledged by', 'survives the loss of', 'possible here'],
        catalogue.topologies.map((t) => [
          t.topology,
          String(t.instances),
          t.k === 0 ? 'the primary' : `the primary and ${t.k} of ${t.standbys}`,
          t.survives.join(', ') || '-',
          t.possible ? 'yes' : `no: ${t.reason ?? ''}`,
        ]),
      );
      output.line();
      output.table(
        ['size', 'memory', 'connections', 'disk', 'processors'],
        catalogue.sizes.map((s) => [
          s.size,
          megabytes(s.memoryMb),
          String(s.maxConnections),
          `${s.diskGb} GiB`,
          String(s.cpus),
        ]),
      );
    });
}
