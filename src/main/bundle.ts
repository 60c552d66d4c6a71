/**
 * Bundles the programs in a process of its own and prints where they are: the bundler needs a hundred
 * megabytes for half a second, which a platform that runs for months should not keep.
 *
 *   node src/main/bundle.ts DIRECTORY
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PlatformError } from '../lib/errors.ts';
import { ensurePrograms, type Programs } from './host/programs.ts';

/** What this file does as a program, for the platform. */
export async function bundlePrograms(directory: string): Promise<Programs> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [import.meta.filename, directory]);
    return JSON.parse(stdout) as Programs;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim();
    throw new PlatformError('unavailable', `The agent's program could not be built: ${said || error}`, {
      hint: 'Check free disk space, and that the checkout is complete: git status, then npm ci.',
      cause: error,
    });
  }
}

if (process.argv[1] === import.meta.filename) {
  const sources = {
    agent: join(import.meta.dirname, 'agent.ts'),
    forwarder: join(import.meta.dirname, 'forwarder.ts'),
  };
  try {
    const programs = await ensurePrograms({ directory: process.argv[2] ?? '', sources });
    process.stdout.write(JSON.stringify(programs));
  } catch (error) {
    process.stderr.write(error instanceof PlatformError ? error.publicMessage : String(error));
    process.exitCode = 1;
  }
}
