/** Names that people give to clusters: also parts of host names, database names and file names. */

export const clusterNamePattern = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;

export const clusterNameRule =
  'A name has 1 to 40 lower-case letters, digits and hyphens, starts with a letter and does not end with a hyphen';

/** Databases that an engine or the platform has already, and words that mean something elsewhere. */
const reserved = new Set([
  'mysql',
  'postgres',
  'template0',
  'template1',
  'information-schema',
  'performance-schema',
  'mooring',
  'mooring-spare',
  'sys',
  'all',
  'new',
]);

/** Undefined when the name may be used, else the sentence that says why not. */
export function clusterNameProblem(name: string): string | undefined {
  if (!clusterNamePattern.test(name)) return clusterNameRule;
  if (reserved.has(name)) return `"${name}" is reserved; choose another name`;
  return undefined;
}

/** Instance names read well in a picture and in a log: orders-1, orders-2, ... */
export function instanceName(clusterName: string, ordinal: number): string {
  return `${clusterName}-${ordinal}`;
}

/** The database that a new cluster comes with; hyphens are not allowed there without quoting. */
export function databaseName(clusterName: string): string {
  return clusterName.replaceAll('-', '_');
}

/**
 * The account that a new cluster comes with. MySQL allows 32 characters. PostgreSQL keeps `pg_` and two
 * words for itself, MySQL has a `root`, and the platform's own accounts begin with its name.
 */
export function applicationUser(clusterName: string): string {
  const name = databaseName(clusterName);
  const isTaken = /^(pg_|mooring_)|^(public|none|root)$/.test(name);
  return (isTaken ? `app_${name}` : name).slice(0, 32);
}
