/** moor users: list and add people, and let them in again. */
import type { Command } from 'commander';
import { contextOf } from '../context.ts';
import type { CliEnvironment } from '../environment.ts';
import { localTime } from '../output.ts';

export function addUsers(program: Command, environment: CliEnvironment): void {
  const users = program.command('users').description('list people who may log in; add, reset');

  users.command('list', { isDefault: true }).action(async (_options: object, self: Command) => {
    const { client, output } = contextOf(self, environment);
    const found = await (await client()).call('listUsers');
    if (output.json) return output.object(found);
    output.table(
      ['user', 'administrator', 'since'],
      found.map((u) => [u.user, u.administrator ? 'yes' : 'no', localTime(u.createdAt)]),
    );
  });

  users
    .command('add <name>')
    .description('add a person; the initial password is shown once')
    .option('--administrator', 'may manage people, teams and quotas')
    .action(async (name: string, options: { administrator?: boolean }, self: Command) => {
      const { client, output } = contextOf(self, environment);
      const body = { name, administrator: options.administrator === true };
      const made = await (await client()).call('createUser', { body });
      if (output.json) return output.object(made);
      output.line(`${made.user} may log in with the password ${made.initialPassword}`);
      output.line('It is shown only now, and must be changed at the first log-in.');
      output.line(`Next: moor teams member default ${made.user} member`);
    });

  users
    .command('reset <name>')
    .description('give a person a new initial password; unlocks the account, logs out everywhere')
    .action(async (name: string, _options: object, self: Command) => {
      const { client, output } = contextOf(self, environment);
      const made = await (await client()).call('resetPassword', { params: { name } });
      if (output.json) return output.object(made);
      output.line(`${made.user} may log in again with the password ${made.initialPassword}`);
      output.line('It is shown only now, and must be changed at the first log-in.');
    });
}
