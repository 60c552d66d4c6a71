/** Submissions that write the rows and start nothing: for tests of what the API does around them. */
import type { Submissions, Submitted } from '../../src/api/submissions.ts';
import type { EngineKind } from '../../src/domain/engines.ts';
import type { OperationKind } from '../../src/domain/operations.ts';
import type { Size } from '../../src/domain/sizes.ts';
import type { Topology } from '../../src/domain/topologies.ts';
import { PlatformError } from '../../src/lib/errors.ts';
import { newId } from '../../src/lib/ids.ts';
import { insertCluster } from '../../src/store/clusters.ts';
import { insertOperation, openOperations, requestCancel } from '../../src/store/operations.ts';
import { type Db, type Store, violatedConstraint } from '../../src/store/store.ts';
import { putInstanceSecrets, type Vault } from '../../src/store/vault.ts';

export const databasePassword = 'the-password-of-the-database';

export function storeOnlySubmissions(store: Store, vault: Vault): Submissions {
  const operate = async (db: Db, kind: OperationKind, clusterId: string, name: string, actor: string) => {
    const id = newId();
    const deadline = new Date(Date.now() + 60_000);
    try {
      await insertOperation(
        db,
        { id, kind, cluster_id: clusterId, actor, plan: '[]', step: 'first', state: 'pending', deadline },
        name,
      );
    } catch (error) {
      if (violatedConstraint(error) !== 'operations_one_open') throw error;
      const [running] = await openOperations(store.db, [clusterId]);
      throw new PlatformError('conflict', `A ${running?.kind} operation is under way on ${name}`, {
        hint: `Wait for it, or cancel it: moor cancel ${running?.id}`,
      });
    }
    return { clusterId, operationId: id } satisfies Submitted;
  };
  return {
    async create(actor, team, input) {
      const id = newId();
      try {
        return await store.transaction(async (tx) => {
          await insertCluster(tx, {
            id,
            team_id: team.id,
            name: input.name,
            engine: input.engine as EngineKind,
            version: '17',
            topology: (input.topology ?? 'single') as Topology,
            size: (input.size ?? 'small') as Size,
            lifecycle: 'creating',
            created_by: actor,
          });
          await putInstanceSecrets(tx, vault, id, {
            adminPassword: 'admin-secret',
            replicationPassword: 'replication-secret',
            application: { user: input.name, password: databasePassword, database: input.name },
          });
          return operate(tx, 'create', id, input.name, actor);
        });
      } catch (error) {
        if (violatedConstraint(error) !== 'clusters_name') throw error;
        throw new PlatformError('conflict', `The name "${input.name}" is taken`, {
          fields: [{ path: 'name', message: 'taken' }],
        });
      }
    },
    restart: (actor, cluster) => operate(store.db, 'restart', cluster.id, cluster.name, actor),
    delete: async (actor, cluster, confirm) => {
      if (confirm !== cluster.name) throw new PlatformError('invalid', 'The name does not match');
      return operate(store.db, 'delete', cluster.id, cluster.name, actor);
    },
    undelete: (actor, cluster) => operate(store.db, 'undelete', cluster.id, cluster.name, actor),
    async cancel(_actor, operation) {
      await requestCancel(store.db, operation, []);
    },
  };
}
