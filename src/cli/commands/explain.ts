/** moor explain: why a cluster is as it is, one sentence each for the cluster and its members. */
import type { Command } from 'commander';
import { paintState } from '../cluster-view.ts';
import { contextOf } from '../context.ts';
import type { CliEnvironment } from '../environment.ts';

export function addExplain(program: Command, environment: CliEnvironment): void {
  program
    .command('explain <name>')
    .description('say in sentences how a cluster is, and why')
    .action(async (name: string, _options: object, self: Command) => {
      const context = contextOf(self, environment);
      const { output } = context;
      const client = await context.client();
      const cluster = await client.call('getCluster', { params: { name } });
      if (output.json) {
        const instances = cluster.instances.map((i) => ({ name: i.name, state: i.state, why: i.why }));
        return output.object({ name, state: cluster.state, explain: cluster.explain, instances });
      }
      output.line(`${name} is ${paintState(output, cluster.state)}`);
      for (const sentence of cluster.explain) output.line(`  ${sentence}`);
      for (const i of cluster.instances) output.line(`  ${i.name} (${i.role}, ${i.state}): ${i.why}`);
      if (cluster.operation) {
        output.line(`  A ${cluster.operation.kind} is under way: moor operations ${cluster.operation.id}`);
      }
    });
}
