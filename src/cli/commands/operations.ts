/** moor operations [NAME | ID]: all, those of one cluster, or one with its plan. */
import type { Command } from 'commander';
import type { OperationSummary } from '../../api/contract/schemas.ts';
import { contextOf } from '../context.ts';
import type { CliEnvironment } from '../environment.ts';
import { coloursOn, localTime, type Output } from '../output.ts';
import { planLines } from '../plan-view.ts';

const idPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function addOperations(program: Command, environment: CliEnvironment): void {
  program
    .command('operations [nameOrId]')
    .description('list operations, or show one with its plan')
    .action(async (which: string | undefined, _options: object, self: Command) => {
      const context = contextOf(self, environment);
      const { output } = context;
      const client = await context.client();
      if (which !== undefined && idPattern.test(which)) {
        const operation = await client.call('getOperation', { params: { id: which } });
        if (output.json) return output.object(operation);
        return showOperation(output, operation, coloursOn(environment.stdout, environment));
      }
      const operations = await client.call('listOperations', { query: { cluster: which } });
      if (output.json) return output.object(operations);
      if (operations.length === 0) return output.line('No operations yet.');
      output.table(
        ['operation', 'kind', 'cluster', 'state', 'by', 'begun', 'detail'],
        operations.map((o) => [o.id, o.kind, o.cluster, o.state, o.actor, localTime(o.createdAt), detail(o)]),
      );
    });
}

function detail(operation: OperationSummary): string {
  if (operation.error) return operation.error.message;
  if (operation.waitingFor) return operation.waitingFor;
  return operation.plan.find((step) => step.state === 'running')?.title ?? '';
}

function showOperation(output: Output, operation: OperationSummary, colour: boolean): void {
  output.line(`${operation.kind} of ${operation.cluster}: ${operation.state}`);
  output.line(`  by ${operation.actor}, begun ${localTime(operation.createdAt)}`);
  for (const line of planLines(operation, Date.now(), colour)) output.line(line);
  if (operation.error) {
    output.line(`  error: ${operation.error.message}`);
    if (operation.error.hint) output.line(`  next:  ${operation.error.hint}`);
  } else if (operation.finishedAt === null) {
    output.line(`  deadline ${localTime(operation.deadline)}. Cancel it with: moor cancel ${operation.id}`);
  }
}
