/** The common end of commands that start an operation: wait or not, then say how it is. */
import type { Client } from '../api/contract/client.ts';
import type { Accepted } from '../api/contract/schemas.ts';
import { detailJson } from './cluster-view.ts';
import type { Context } from './context.ts';
import { describe, followOperation } from './follow.ts';
import type { Waiting } from './options.ts';

export async function finishOperation(
  context: Context,
  client: Client,
  accepted: Accepted,
  options: Waiting,
  sentence: string,
): Promise<void> {
  const { output } = context;
  const { cluster, operation } = accepted;
  if (!options.wait) {
    if (output.json) return output.object({ ...detailJson(cluster), operation });
    return output.line(`${describe(operation)} has begun. Follow it with: moor operations ${operation.id}`);
  }
  const ended = await followOperation(context, client, operation, options.timeout * 1000);
  if (output.json) {
    // Purged clusters are gone, so the operation is what can be shown of every kind.
    return output.object({ name: cluster.name, operation: ended });
  }
  output.line(output.paint('green', sentence));
}
