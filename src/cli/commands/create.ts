/** moor create: asks for a cluster, shows the plan at work, and ends with the address to connect to. */
import type { Command } from 'commander';
import type { Client } from '../../api/contract/client.ts';
import type { Accepted, Cluster } from '../../api/contract/schemas.ts';
import { until } from '../../lib/wait.ts';
import { createdJson, detailJson } from '../cluster-view.ts';
import { contextOf } from '../context.ts';
import type { CliEnvironment } from '../environment.ts';
import { followOperation } from '../follow.ts';
import { addWaiting, engineNames, type Waiting } from '../options.ts';

type Options = Waiting & { topology?: string; version?: string; size?: string; team?: string; ack?: string };

/** After the last step the agents' next reports make the cluster ready; they come every half second. */
const settleMs = 10_000;

export function addCreate(program: Command, environment: CliEnvironment): void {
  const command = program
    .command('create <engine> <name>')
    .description('create a cluster: moor create mysql orders --topology 1+2')
    .option('--topology <topology>', 'single, 1+1, 1+2 or 1+3')
    .option('--version <version>', "the engine's version")
    .option('--size <size>', 'small, medium or large')
    .option('--team <team>', 'the team that owns it')
    .option('--ack <durability>', 'what an acknowledgement survives: memory or disk (of a standby)');
  addWaiting(command).action(async (engine: string, name: string, options: Options, self: Command) => {
    const context = contextOf(self, environment);
    const { output } = context;
    const client = await context.client();
    const { topology, version, size, team, ack } = options;
    const accepted: Accepted = await client.call('createCluster', {
      body: {
        engine: engineNames[engine] ?? engine,
        name,
        topology,
        version,
        size,
        team,
        ack: ack as 'memory',
      },
    });
    const { cluster, operation } = accepted;
    if (!options.wait) {
      if (output.json) return output.object({ ...detailJson(cluster), operation });
      output.line(`${name} is being created. Follow it with: moor operations ${operation.id}`);
      return;
    }
    if (!output.json) {
      environment.stderr.write(
        `Creating ${name}: ${cluster.engine} ${cluster.version}, ${cluster.topology}\n`,
      );
    }
    await followOperation(context, client, operation, options.timeout * 1000);
    const ready = await untilSettled(client, name);
    const account = await client.call('getAccount', { params: { name } });
    const created = createdJson(ready, account);
    if (output.json) return output.object(created);

    const seconds = ready.secondsToReady === null ? '' : ` in ${ready.secondsToReady.toFixed(1)} s`;
    output.line(`${output.paint('green', `${name} is ${ready.state}`)}${seconds}`);
    output.line();
    output.line(`  read-write  ${created.endpoints?.readWrite.url ?? 'not open yet'}`);
    output.line(`  read-only   ${created.endpoints?.readOnly.url ?? 'not open yet'}`);
    output.line();
    output.line('Next:');
    output.line(`  moor connect ${name}    opens ${cluster.engine === 'mysql' ? 'mysql' : 'psql'} on it`);
    output.line(`  moor get ${name}        shows its instances and how they are`);
  });
}

/** The cluster once it is no longer 'creating', or as it is when that takes too long. */
async function untilSettled(client: Client, name: string): Promise<Cluster> {
  let last: Cluster | undefined;
  const look = async () => {
    last = await client.call('getCluster', { params: { name } });
    return last.state === 'ready' ? last : undefined;
  };
  try {
    return await until(`${name} to be ready`, look, { deadlineMs: settleMs, everyMs: 20, maxEveryMs: 100 });
  } catch (error) {
    if (last === undefined) throw error;
    return last;
  }
}
