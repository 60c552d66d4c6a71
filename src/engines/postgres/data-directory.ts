/** The files of a data directory: whose it is, giving it its identity, and the lock of a killed server. */
import { type FileHandle, open, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, PlatformError } from '../../lib/errors.ts';
import { until } from '../../lib/wait.ts';
import { allPids, workingDirectoryOf } from '../../os/processes.ts';
import {
  segmentNeedsPatch,
  systemIdentifierOf,
  walHeaderBytes,
  walIdentifierOffset,
  withSystemIdentifier,
} from './system-identifier.ts';

/** Says that this directory was copied from a template, and what the template's identifier was. */
export const templateMark = 'mooring-template.json';

export function readControl(data: string): Promise<Buffer> {
  return readFile(join(data, 'global', 'pg_control'));
}

export async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** What a data directory is: ours, or a copy of the template that has not got its identity yet. */
export async function identityOf(data: string, systemId: bigint): Promise<'ours' | 'template'> {
  const found = systemIdentifierOf(await readControl(data));
  if (found === systemId) return 'ours';
  const mark = await readOptional(join(data, templateMark));
  if (mark !== undefined && BigInt((JSON.parse(mark) as { systemId: string }).systemId) === found)
    return 'template';
  throw new PlatformError('refused', 'This data directory belongs to another group', {
    hint: 'The volume was attached to the wrong instance; attach the right one',
    context: { data, found: String(found), expected: String(systemId) },
  });
}

/**
 * Gives a copy of the template its group's identifier. The control file is written last, in one write
 * within one disk sector: killed at any point before, the directory still counts as a template and
 * everything is done again.
 */
export async function adoptIdentity(data: string, systemId: bigint): Promise<void> {
  const control = await readControl(data);
  const from = systemIdentifierOf(control);
  const wal = join(data, 'pg_wal');
  for (const name of await readdir(wal)) {
    if (/^[0-9A-F]{24}$/.test(name)) await patchSegment(join(wal, name), from, systemId);
  }
  const patched = withSystemIdentifier(control, systemId);
  await inFile(join(data, 'global', 'pg_control'), async (file) => {
    await file.write(patched, 0, 512, 0);
  });
}

async function patchSegment(path: string, from: bigint, to: bigint): Promise<void> {
  await inFile(path, async (file) => {
    const header = Buffer.alloc(walHeaderBytes);
    await file.read(header, 0, walHeaderBytes, 0);
    if (!segmentNeedsPatch(header, from, to)) return;
    const identifier = Buffer.alloc(8);
    identifier.writeBigUInt64LE(to);
    await file.write(identifier, 0, 8, walIdentifierOffset);
  });
}

async function inFile(path: string, change: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await change(file);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/**
 * Removes the lock of a server that was killed. The server itself would refuse to start when another
 * process has got the old one's pid. Waits for children of a killed server, which still use its shared
 * memory for a moment, and refuses while any process works in this directory.
 */
export async function removeStaleLock(data: string): Promise<void> {
  const lock = join(data, 'postmaster.pid');
  if ((await readOptional(lock)) === undefined) return;
  try {
    await until('the old server to end', async () => !(await isInUse(data)), { deadlineMs: 5000 });
  } catch (cause) {
    throw new PlatformError('conflict', 'A server still runs on this data directory', {
      cause,
      context: { data },
    });
  }
  await rm(lock, { force: true });
}

/** Every PostgreSQL process works in its data directory. */
async function isInUse(data: string): Promise<boolean> {
  const directory = await realpath(data);
  return allPids().some((pid) => workingDirectoryOf(pid) === directory);
}
