/**
 * Secrets at rest: AES-256-GCM with the platform's key file. Each sealed value is bound to its cluster
 * and name (as additional data), so that a row that is moved to another cluster does not open.
 *
 * Layout: one byte of format (1), 12 bytes of nonce, 16 bytes of tag, ciphertext.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { InstanceSecrets } from '../domain/assignment.ts';
import { assert, PlatformError } from '../lib/errors.ts';
import type { Db } from './store.ts';

export type Vault = {
  seal(clusterId: string, name: string, plain: string): Buffer;
  /** Throws `unavailable` when the key or the row is not the one it was sealed with. */
  open(clusterId: string, name: string, sealed: Buffer): string;
};

const format = 1;
const nonceBytes = 12;
const tagBytes = 16;

export function createVault(key: Buffer): Vault {
  assert(key.length === 32, "the vault's key has 32 bytes");
  const boundTo = (clusterId: string, name: string) => Buffer.from(`mooring/1/${clusterId}/${name}`);
  return {
    seal(clusterId, name, plain) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(boundTo(clusterId, name));
      const text = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.from([format]), nonce, cipher.getAuthTag(), text]);
    },
    open(clusterId, name, sealed) {
      try {
        if (sealed[0] !== format) throw new Error(`unknown format ${sealed[0]}`);
        const tagAt = 1 + nonceBytes;
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, tagAt), {
          authTagLength: tagBytes,
        });
        decipher.setAAD(boundTo(clusterId, name));
        decipher.setAuthTag(sealed.subarray(tagAt, tagAt + tagBytes));
        const text = decipher.update(sealed.subarray(tagAt + tagBytes));
        return Buffer.concat([text, decipher.final()]).toString('utf8');
      } catch (cause) {
        throw new PlatformError('unavailable', 'A stored secret cannot be opened with the key file in use', {
          hint: 'Put back the keys/secret.key that belongs to this store',
          context: { clusterId, name },
          cause,
        });
      }
    },
  };
}

const instanceSecretsName = 'instance';

async function put(db: Db, vault: Vault, clusterId: string, name: string, plain: string): Promise<void> {
  const sealed = vault.seal(clusterId, name, plain);
  await db
    .insertInto('secrets')
    .values({ cluster_id: clusterId, name, sealed })
    .onConflict((c) => c.columns(['cluster_id', 'name']).doUpdateSet({ sealed }))
    .execute();
}

async function get(db: Db, vault: Vault, clusterId: string, name: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('secrets')
    .select('sealed')
    .where('cluster_id', '=', clusterId)
    .where('name', '=', name)
    .executeTakeFirst();
  return row && vault.open(clusterId, name, row.sealed);
}

/** Passwords of the cluster's accounts, the application's among them. */
export async function putInstanceSecrets(db: Db, vault: Vault, clusterId: string, secrets: InstanceSecrets) {
  await put(db, vault, clusterId, instanceSecretsName, JSON.stringify(secrets));
}

/** Undefined once the cluster is purged. */
export async function getInstanceSecrets(
  db: Db,
  vault: Vault,
  clusterId: string,
): Promise<InstanceSecrets | undefined> {
  const text = await get(db, vault, clusterId, instanceSecretsName);
  return text === undefined ? undefined : (JSON.parse(text) as InstanceSecrets);
}

export async function deleteSecrets(db: Db, clusterId: string): Promise<void> {
  await db.deleteFrom('secrets').where('cluster_id', '=', clusterId).execute();
}
