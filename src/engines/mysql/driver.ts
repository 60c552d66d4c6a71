/** MySQL 9.7 and 8.4: how Mooring runs one. */
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Assignment } from '../../domain/assignment.ts';
import { codeOf } from '../../lib/errors.ts';
import { writeFileAtomic } from '../../os/files.ts';
import type { DatabaseSession, EngineDriver, InstanceContext, ServerCommand } from '../engine.ts';
import { serverConfiguration, serverIdentity } from './configuration.ts';
import { configurationFile, temporaryDirectory } from './paths.ts';
import { openSession } from './session.ts';
import { buildTemplate, packArguments } from './template.ts';

export const mysqlDriver: EngineDriver = {
  kind: 'mysql',
  buildTemplate,

  async prepare(context: InstanceContext, assignment: Assignment): Promise<void> {
    const { files, identity } = context;
    await mkdir(temporaryDirectory(files), { recursive: true, mode: 0o700 });
    await mkdir(files.run, { recursive: true, mode: 0o700 });
    await writeFileAtomic(configurationFile(files), serverConfiguration(context, assignment));
    const identityFile = join(files.data, 'auto.cnf');
    const chosen = serverIdentity(identity.instanceId);
    if ((await textOf(identityFile)) !== chosen) await writeFileAtomic(identityFile, chosen);
    await chmod(files.data, 0o700);
  },

  command(context: InstanceContext): ServerCommand {
    return {
      file: join(context.pack.binDir, 'mysqld'),
      // --defaults-file only counts when it comes first.
      args: [`--defaults-file=${configurationFile(context.files)}`, ...packArguments(context.pack)],
      env: { PATH: '/usr/bin:/bin' },
      stopSignal: 'SIGTERM',
    };
  },

  connect: (context: InstanceContext): Promise<DatabaseSession> => openSession(context),
};

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
