/** Where one MySQL instance keeps its things. Everything else is in the data directory. */
import { join } from 'node:path';
import type { InstanceFiles } from '../engine.ts';

export function configurationFile(files: InstanceFiles): string {
  return join(files.home, 'my.cnf');
}

export function socketFile(files: InstanceFiles): string {
  return join(files.run, 'mysql.sock');
}

/** Temporary files count against the volume, so they live on it. */
export function temporaryDirectory(files: InstanceFiles): string {
  return join(files.volume, 'tmp');
}
