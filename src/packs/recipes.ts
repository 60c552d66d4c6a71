/**
 * What a pack consists of, per engine and version: which packages of which Debian suite, which
 * programs must be in it, and what a dependency names but a database server never runs.
 */
import { type EngineKind, engineOffers } from '../domain/engines.ts';
import { PlatformError } from '../lib/errors.ts';

export type Recipe = {
  engine: EngineKind;
  version: string;
  suite: string;
  packages: string[];
  /** Where the packages put their programs. */
  programDirs: string[];
  /** Without these the pack is not complete; the first one tells the version. */
  programs: string[];
  /** Programs that are kept besides; undefined keeps whatever is there. */
  extraPrograms?: string[];
  /** Shared objects that are loaded at run time, checked like the programs; relative to the root. */
  modules: string[];
  /** Not unpacked; patterns of tar, relative to the root. */
  leaveOut: string[];
};

const documentation = [
  './usr/share/doc*',
  './usr/share/man',
  './usr/share/locale',
  './usr/share/lintian',
  './usr/share/bug',
];

/**
 * Named by dependencies, used by maintainer scripts and helpers that never run here. The private
 * package status claims that they are installed, so apt fetches half as much.
 */
export const neverRun = [
  ...['perl', 'perl-base', 'debconf', 'adduser', 'passwd', 'base-passwd', 'ucf', 'sensible-utils', 'netbase'],
  ...['postgresql-common', 'postgresql-client-common', 'ssl-cert', 'openssl', 'tzdata', 'procps'],
  ...['locales', 'locales-all', 'readline-common', 'init-system-helpers', 'sysvinit-utils'],
  // PostgreSQL loads its JIT compiler only when jit is on, and Mooring turns it off.
  ...Array.from({ length: 20 }, (_, i) => `libllvm${i + 14}`),
];

const postgresSuites: Record<string, string> = { '15': 'bookworm', '17': 'trixie', '18': 'sid' };
const mysqlSuites: Record<string, string> = { '9.7': 'sid' };

const postgres = (version: string, suite: string): Recipe => ({
  engine: 'postgres',
  version,
  suite,
  // libc-bin brings the locale C.UTF-8.
  packages: [`postgresql-${version}`, `postgresql-client-${version}`, 'libc-bin'],
  programDirs: [`usr/lib/postgresql/${version}/bin`],
  programs: [
    ...['postgres', 'initdb', 'pg_basebackup', 'pg_rewind', 'pg_ctl', 'pg_controldata', 'psql'],
    ...['pg_dump', 'pg_restore'],
  ],
  modules: [`usr/lib/postgresql/${version}/lib/libpqwalreceiver.so`],
  leaveOut: [
    ...documentation,
    `./usr/lib/postgresql/${version}/lib/bitcode`,
    `./usr/lib/postgresql/${version}/lib/llvmjit*`,
    `./usr/lib/postgresql/${version}/lib/pgxs`,
    './usr/lib/*/gconv',
    './usr/sbin',
    './sbin',
    './etc',
    './var',
  ],
});

const mysql = (version: string, suite: string): Recipe => ({
  engine: 'mysql',
  version,
  suite,
  packages: ['mysql-server-core', 'mysql-client-core'],
  programDirs: ['usr/sbin', 'usr/bin'],
  programs: ['mysqld', 'mysql', 'mysqldump', 'mysqladmin', 'mysqlbinlog'],
  extraPrograms: ['mysqlimport', 'mysqlshow', 'mysqlcheck', 'mysqlslap', 'mysql_tzinfo_to_sql', 'ibd2sdi'],
  modules: ['semisync_source.so', 'semisync_replica.so', 'mysql_clone.so'].map(
    (name) => `usr/lib/mysql/plugin/${name}`,
  ),
  leaveOut: [...documentation, './usr/lib/*/gconv', './etc', './var'],
});

export function recipeFor(engine: EngineKind, version: string): Recipe {
  const suite = (engine === 'mysql' ? mysqlSuites : postgresSuites)[version];
  if (suite === undefined) {
    const offered = engineOffers[engine].versions.map((v) => v.version).join(', ');
    throw new PlatformError(
      'invalid',
      `There is no pack for ${engineOffers[engine].label} ${version}. Versions: ${offered}.`,
    );
  }
  return engine === 'mysql' ? mysql(version, suite) : postgres(version, suite);
}

export const packName = (engine: EngineKind, version: string): string => `${engine}-${version}`;

/** "mysqld  Ver 9.7.4-2 for debian..." and "postgres (PostgreSQL) 17.11 (Debian ...)": 9.7.4, 17.11. */
export function parseVersion(line: string): string | undefined {
  return /(?:Ver |\(PostgreSQL\) )(\d+(?:\.\d+)+)/.exec(line)?.[1];
}

/** Whether the binaries' own version belongs to the catalogue's: 9.7.4 to 9.7, 17.11 to 17. */
export function isVersion(fullVersion: string, version: string): boolean {
  return fullVersion === version || fullVersion.startsWith(`${version}.`);
}
