/** Directories for tests that run servers: fresh, entered by the servers' account, removed at the end. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type TestDirectory = AsyncDisposable & { path: string };

/** Mode 0711: the tests may be run by root while servers run as an unprivileged account. */
export async function testDirectory(prefix = 'mooring-'): Promise<TestDirectory> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  await chmod(path, 0o711);
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }),
  };
}
