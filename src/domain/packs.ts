/** An engine pack on disk: the binaries of one engine version, ready to run. Written as pack.json. */
import type { EngineKind } from './engines.ts';

export type Pack = {
  engine: EngineKind;
  /** The catalogue's version: "9.7", "17". */
  version: string;
  /** What the binaries say: "9.7.4", "17.11". */
  fullVersion: string;
  /** Where it came from: a directory in the configuration, the host's own binaries, or fetched. */
  origin: 'configured' | 'host' | 'fetched';
  root: string;
  /**
   * Directory with one executable per tool, called as it is: mysqld, mysql, mysqldump, postgres,
   * initdb, psql, pg_ctl, ... Each runs with the pack's own dynamic loader where it needs one.
   */
  binDir: string;
  /** MySQL: where plugins, messages and character sets are; empty for PostgreSQL. */
  mysql?: { pluginDir: string; messagesDir: string; charsetsDir: string };
  packages: { name: string; version: string; sha256: string }[];
};
