/** moor audit: who did what, newest first. */
import type { Command } from 'commander';
import { contextOf } from '../context.ts';
import type { CliEnvironment } from '../environment.ts';
import { wholeNumber } from '../options.ts';
import { localTime } from '../output.ts';

export function addAudit(program: Command, environment: CliEnvironment): void {
  program
    .command('audit')
    .description('show the audit trail (administrators)')
    .option('--limit <count>', 'how many to show, at most 500', wholeNumber, 50)
    .action(async (options: { limit: number }, self: Command) => {
      const { client, output } = contextOf(self, environment);
      const entries = await (await client()).call('audit', { query: { limit: options.limit } });
      if (output.json) return output.object(entries);
      output.table(
        ['at', 'who', 'action', 'object', 'outcome', 'from'],
        entries.map((e) => [localTime(e.at), e.actor, e.action, e.object, e.outcome, e.address ?? '-']),
      );
    });
}
