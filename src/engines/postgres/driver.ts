/** PostgreSQL 15 to 18 behind the engine contract. */
import { join } from 'node:path';
import type { EngineDriver } from '../engine.ts';
import { prepare } from './prepare.ts';
import { openSession } from './session.ts';
import { buildTemplate, serverEnvironment } from './template.ts';

export const postgresDriver: EngineDriver = {
  kind: 'postgres',
  buildTemplate,
  prepare,
  command: ({ pack, files }) => ({
    file: join(pack.binDir, 'postgres'),
    args: ['-D', files.data],
    env: serverEnvironment,
    // Fast shutdown: it ends sessions and never tells one of them OK that is not.
    stopSignal: 'SIGINT',
  }),
  connect: openSession,
};
