/** Files that are either wholly there or not at all, whatever is killed in between. */
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

export type WriteOptions = {
  mode?: number;
  owner?: { uid: number; gid: number } | null;
  /** fsync of file and directory before returning: for promises, not for files that can be made again. */
  durable?: boolean;
};

/** Replaces `path` atomically: temporary file beside it, then rename. */
export async function writeFileAtomic(path: string, text: string, options: WriteOptions = {}): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', options.mode ?? 0o600);
    try {
      await file.writeFile(text);
      if (options.owner) await file.chown(options.owner.uid, options.owner.gid);
      if (options.durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (options.durable) await syncDirectory(dirname(path));
}

/** Makes a rename or a removal in this directory survive a power loss. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
