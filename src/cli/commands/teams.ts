/** moor teams: list; add, quota and member are the administrator's. */
import type { Command } from 'commander';
import type { Quota, Team } from '../../api/contract/schemas.ts';
import { PlatformError } from '../../lib/errors.ts';
import { contextOf } from '../context.ts';
import type { CliEnvironment } from '../environment.ts';
import { wholeNumber } from '../options.ts';
import { megabytes, type Output } from '../output.ts';

type QuotaOptions = { clusters?: number; instances?: number; memoryMb?: number; diskGb?: number };

const roles = ['owner', 'member', 'viewer', 'none'] as const;
type Role = (typeof roles)[number];

export function addTeams(program: Command, environment: CliEnvironment): void {
  const teams = program.command('teams').description('list teams with their quota; add, quota, member');

  teams.command('list', { isDefault: true }).action(async (_options: object, self: Command) => {
    const context = contextOf(self, environment);
    const client = await context.client();
    show(context.output, await client.call('listTeams'));
  });

  teams
    .command('add <name>')
    .description('make a team')
    .action(async (name: string, _options: object, self: Command) => {
      const context = contextOf(self, environment);
      const client = await context.client();
      show(context.output, [await client.call('createTeam', { body: { name } })]);
    });

  teams
    .command('quota <name>')
    .description('set what a team may use; what is not given stays')
    .option('--clusters <count>', 'clusters', wholeNumber)
    .option('--instances <count>', 'instances', wholeNumber)
    .option('--memory-mb <mib>', 'memory of all instances, in MiB', wholeNumber)
    .option('--disk-gb <gib>', 'disk of all instances, in GiB', wholeNumber)
    .action(async (name: string, options: QuotaOptions, self: Command) => {
      const context = contextOf(self, environment);
      const client = await context.client();
      const team = (await client.call('listTeams')).find((t) => t.name === name);
      if (team === undefined) {
        throw new PlatformError('not_found', `There is no team "${name}"`, { hint: 'See: moor teams' });
      }
      const { clusters, instances, memoryMb, diskGb } = { ...team.quota, ...options };
      const body: Quota = { clusters, instances, memoryMb, diskGb };
      show(context.output, [await client.call('setQuota', { params: { name }, body })]);
    });

  teams
    .command('member <team> <user> <role>')
    .description(`set a person's role: ${roles.join(', ')}`)
    .action(async (name: string, user: string, role: string, _options: object, self: Command) => {
      const context = contextOf(self, environment);
      if (!roles.includes(role as Role)) {
        throw new PlatformError('invalid', `"${role}" is not a role`, {
          hint: `Use one of: ${roles.join(', ')}`,
        });
      }
      const client = await context.client();
      const body = { role: role as Role };
      show(context.output, [await client.call('setTeamMember', { params: { name, user }, body })]);
    });
}

function show(output: Output, teams: Team[]): void {
  if (output.json) {
    output.object(teams);
    return;
  }
  output.table(
    ['team', 'clusters', 'instances', 'memory', 'disk', 'members'],
    teams.map(({ name, used, quota, members }) => [
      name,
      `${used.clusters} of ${quota.clusters}`,
      `${used.instances} of ${quota.instances}`,
      `${megabytes(used.memoryMb)} of ${megabytes(quota.memoryMb)}`,
      `${used.diskGb} of ${quota.diskGb} GiB`,
      members.map((m) => `${m.user} (${m.role})`).join(', ') || '-',
    ]),
  );
}
