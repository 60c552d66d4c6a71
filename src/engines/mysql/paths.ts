/** Where one MySQL instance keeps its things. Everything else is in the data directory. */
import { join, relative } from 'node:path';
import type { InstanceFiles } from '../engine.ts';

/** sockaddr_un holds 108 bytes, the terminating zero among them; a margin for the server's own suffixes. */
const longestSocketPath = 100;

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

/** A socket's path as the process in `directory` can use it: the absolute one, or a shorter relative one. */
export function reachableSocket(path: string, directory = process.cwd()): string {
  return Buffer.byteLength(path) <= longestSocketPath ? path : relative(directory, path);
}
