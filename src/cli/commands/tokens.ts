/** moor tokens: the caller's API tokens. */
import type { Command } from 'commander';
import { contextOf } from '../context.ts';
import type { CliEnvironment } from '../environment.ts';
import { wholeNumber } from '../options.ts';
import { localTime } from '../output.ts';

export function addTokens(program: Command, environment: CliEnvironment): void {
  const tokens = program.command('tokens').description('list your API tokens; add, revoke');

  tokens.command('list', { isDefault: true }).action(async (_options: object, self: Command) => {
    const { client, output } = contextOf(self, environment);
    const found = await (await client()).call('listTokens');
    if (output.json) return output.object(found);
    if (found.length === 0) return output.line('No tokens. Make one with: moor tokens add NAME');
    output.table(
      ['id', 'name', 'made', 'last used', 'expires'],
      found.map((t) => [
        t.id,
        t.name,
        localTime(t.createdAt),
        localTime(t.lastUsedAt),
        t.expiresAt === null ? 'never' : localTime(t.expiresAt),
      ]),
    );
  });

  tokens
    .command('add <name>')
    .description('make an API token; it is shown once')
    .option('--days <days>', 'days until it expires', wholeNumber)
    .action(async (name: string, options: { days?: number }, self: Command) => {
      const { client, output } = contextOf(self, environment);
      const made = await (await client()).call('createToken', {
        body: { name, expiresInDays: options.days },
      });
      if (output.json) return output.object(made);
      output.line(made.token);
    });

  tokens
    .command('revoke <id>')
    .description('revoke an API token')
    .action(async (id: string, _options: object, self: Command) => {
      const { client, output } = contextOf(self, environment);
      await (await client()).call('deleteToken', { params: { id } });
      if (output.json) return output.object({ revoked: id });
      output.line('The token is revoked');
    });
}
