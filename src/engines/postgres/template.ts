/**
 * Builds the data directory that every new instance of one version is copied from: a fresh cluster with
 * Mooring's own schema and an empty database that becomes the application's by a rename, which is far
 * faster than creating one. It holds no password and no key; its system identifier is replaced on an
 * instance's first start (prepare.ts).
 */
import { spawn } from 'node:child_process';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Pack } from '../../domain/packs.ts';
import { PlatformError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { readControl, templateMark } from './data-directory.ts';
import { platformDatabase, spareDatabase, superuser } from './names.ts';
import { systemIdentifierOf } from './system-identifier.ts';

export const serverEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
};

/** One statement per line: the single-user server reads them so. */
const statements = [
  'CREATE SCHEMA mooring',
  'REVOKE ALL ON SCHEMA mooring FROM PUBLIC',
  'CREATE TABLE mooring.marker (term integer PRIMARY KEY, at timestamptz NOT NULL)',
  'CREATE TABLE mooring.heartbeat (id integer PRIMARY KEY CHECK (id = 1), term integer NOT NULL, beat bigint NOT NULL, at timestamptz NOT NULL) WITH (fillfactor = 50)',
  'INSERT INTO mooring.heartbeat VALUES (1, 0, 0, now())',
  'REVOKE ALL ON ALL TABLES IN SCHEMA mooring FROM PUBLIC',
  `CREATE DATABASE ${spareDatabase}`,
  `REVOKE ALL ON DATABASE ${spareDatabase} FROM PUBLIC`,
];

export async function buildTemplate(dir: string, pack: Pack, log: Log): Promise<void> {
  const building = `${dir}.building-${process.pid}`;
  await rm(building, { recursive: true, force: true });
  await mkdir(dirname(dir), { recursive: true });
  try {
    await initialise(building, pack, log);
    await run(
      pack,
      'postgres',
      ['--single', '-D', building, '-c', 'max_connections=20', '-c', 'exit_on_error=true', platformDatabase],
      `${statements.join(';\n')};\n`,
    );
    const systemId = systemIdentifierOf(await readControl(building));
    await writeFile(join(building, templateMark), `${JSON.stringify({ systemId: String(systemId) })}\n`);
    for (const leftover of ['postmaster.opts', 'postmaster.pid']) {
      await rm(join(building, leftover), { force: true });
    }
    await run(pack, 'initdb', ['--sync-only', '-D', building]);
    await rename(building, dir);
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Versions from 17 bring C.UTF-8 with them; earlier ones take it from the C library, which may lack it.
 * Plain C sorts the same way and differs only in how it folds letters beyond ASCII.
 */
async function initialise(dir: string, pack: Pack, log: Log): Promise<void> {
  const common = [
    '-D',
    dir,
    `--username=${superuser}`,
    '--encoding=UTF8',
    '--data-checksums',
    '--auth=peer',
    '--no-sync',
    '--no-instructions',
  ];
  if (Number.parseInt(pack.version, 10) >= 17) {
    const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    await run(pack, 'initdb', [...common, ...locale]);
    return;
  }
  try {
    await run(pack, 'initdb', [...common, '--locale=C.UTF-8']);
  } catch (error) {
    log.warn({ error: String(error) }, 'This host has no C.UTF-8 locale; the template uses C');
    await rm(dir, { recursive: true, force: true });
    await run(pack, 'initdb', [...common, '--locale=C']);
  }
}

/** Runs one of the pack's programs; its output becomes part of the error. */
function run(pack: Pack, program: string, args: string[], input?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(pack.binDir, program), args, {
      env: serverEnvironment,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let output = '';
    const collect = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (cause) => reject(failed(program, cause.message, cause)));
    child.on('close', (code) => (code === 0 ? resolve() : reject(failed(program, output))));
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
  });
}

function failed(program: string, output: string, cause?: unknown): PlatformError {
  return new PlatformError('unavailable', `${program} failed: ${output.trim()}`, { cause });
}
