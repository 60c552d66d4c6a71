/** moor events: what happened to a cluster, oldest first; --follow goes on with what happens. */
import type { Command } from 'commander';
import type { Event } from '../../api/contract/schemas.ts';
import { systemClock } from '../../lib/clock.ts';
import { type Context, contextOf } from '../context.ts';
import type { CliEnvironment } from '../environment.ts';
import { wholeNumber } from '../options.ts';
import { localTime } from '../output.ts';

type Options = { follow?: boolean; limit: number };

const pollMs = 2_000;

export function addEvents(program: Command, environment: CliEnvironment): void {
  program
    .command('events <name>')
    .description('show what happened to a cluster')
    .option('-f, --follow', 'go on with what happens, until Ctrl-C')
    .option('--limit <count>', 'how many to show', wholeNumber, 50)
    .action(async (name: string, options: Options, self: Command) => {
      const context = contextOf(self, environment);
      const client = await context.client();
      const load = (limit: number) => client.call('listEvents', { params: { name }, query: { limit } });
      const first = (await load(Math.min(500, Math.max(1, options.limit)))).reverse();
      if (!options.follow) {
        if (context.output.json) return context.output.object(first);
        if (first.length === 0) return context.output.line('Nothing has happened yet.');
      }
      for (const event of first) show(context, event);
      if (!options.follow) return;

      const seen = new Set(first.map((event) => event.id));
      const stop = new AbortController();
      const forget = environment.onInterrupt(() => stop.abort());
      const showNew = async () => {
        for (const event of (await load(100)).reverse()) {
          if (!seen.has(event.id)) show(context, event);
          seen.add(event.id);
        }
      };
      while (!stop.signal.aborted) {
        try {
          await showNew();
          for await (const change of client.stream('changes', { signal: stop.signal })) {
            if (change.kind === 'event' && change.cluster === name) await showNew();
          }
        } catch {
          // The platform restarts, or the stream was cut: look again soon.
        }
        await systemClock.delay(pollMs, stop.signal).catch(() => {});
      }
      forget();
    });
}

function show({ output }: Context, event: Event): void {
  if (output.json) {
    output.jsonLine(event);
    return;
  }
  const colour = { info: 'dim', warning: 'yellow', error: 'red' } as const;
  const about = event.instance === null ? '' : `${event.instance}: `;
  output.line(`${output.paint(colour[event.severity], localTime(event.at))}  ${about}${event.message}`);
}
