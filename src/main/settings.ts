/**
 * Settings of a platform: flags first, then the environment, then defaults. Pure parsing; nothing is
 * opened here. A wrong value is refused with the flag's name and what it takes.
 */
import { parseArgs } from 'node:util';
import { PlatformError } from '../lib/errors.ts';
import { dataDirectoryPath } from './host/data-directory.ts';

export type Environment = Record<string, string | undefined>;

export type Settings = {
  dataDirectory: string;
  /** Address and port of console and API; port 0 takes any that is free. */
  host: string;
  port: number;
  zones: number;
  hostsPerZone: number;
  instancePorts: { first: number; last: number };
  retentionDays: number;
  runAs: string | undefined;
  /** A PostgreSQL that somebody else runs; the platform's own when absent. */
  storeUrl: string | undefined;
  packs: string | undefined;
  mirror: string | undefined;
  detach: boolean;
  json: boolean;
};

export const upOptions = {
  data: { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  zones: { type: 'string' },
  'hosts-per-zone': { type: 'string' },
  'instance-ports': { type: 'string' },
  'retention-days': { type: 'string' },
  'run-as': { type: 'string' },
  detach: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

export const upUsage = `moor up: start the platform

  --data DIR            data directory            (MOORING_DATA; root: /var/lib/mooring, others: XDG)
  --port N              console and API           (MOORING_PORT, 7600)
  --host ADDRESS        address to listen on      (MOORING_HOST, 127.0.0.1)
  --detach              run in the background; stop it with: moor down
  --zones N             simulated zones           (MOORING_ZONES, 3)
  --hosts-per-zone N    simulated hosts per zone  (MOORING_HOSTS_PER_ZONE, 2)
  --instance-ports A-B  ports of instances        (MOORING_INSTANCE_PORTS, 21000-24999)
  --retention-days N    keep deleted clusters     (MOORING_RETENTION_DAYS, 8)
  --run-as ACCOUNT      account of the databases when started by root (MOORING_RUN_AS, mooring)
  --json                print one line of JSON when ready

  MOORING_STORE_URL      use this PostgreSQL as the store instead of the platform's own
  MOORING_PACKS          directory with engine packs, tried before anything is fetched
  MOORING_DEBIAN_MIRROR  where engine packs are fetched from
`;

/** Undefined when help was asked for. */
export function parseUp(args: string[], environment: Environment): Settings | undefined {
  const { values } = parsed(args);
  if (values.help) return undefined;
  const read = (flag: keyof typeof upOptions, name: string) => {
    const value = values[flag];
    return typeof value === 'string' ? value : nonEmpty(environment[name]);
  };
  return {
    dataDirectory: dataDirectoryPath(values.data, environment),
    host: read('host', 'MOORING_HOST') ?? '127.0.0.1',
    port: whole('--port', read('port', 'MOORING_PORT') ?? '7600', 0, 65_535),
    zones: whole('--zones', read('zones', 'MOORING_ZONES') ?? '3', 1, 26),
    hostsPerZone: whole('--hosts-per-zone', read('hosts-per-zone', 'MOORING_HOSTS_PER_ZONE') ?? '2', 1, 250),
    instancePorts: range(
      '--instance-ports',
      read('instance-ports', 'MOORING_INSTANCE_PORTS') ?? '21000-24999',
    ),
    retentionDays: decimal('--retention-days', read('retention-days', 'MOORING_RETENTION_DAYS') ?? '8'),
    runAs: read('run-as', 'MOORING_RUN_AS'),
    storeUrl: nonEmpty(environment.MOORING_STORE_URL),
    packs: nonEmpty(environment.MOORING_PACKS),
    mirror: nonEmpty(environment.MOORING_DEBIAN_MIRROR),
    detach: values.detach ?? false,
    json: values.json ?? false,
  };
}

function parsed(args: string[]) {
  try {
    return parseArgs({ args, options: upOptions, strict: true, allowPositionals: false });
  } catch (error) {
    throw new PlatformError('invalid', error instanceof Error ? error.message : String(error), {
      hint: 'See: moor up --help',
      cause: error,
    });
  }
}

function whole(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new PlatformError('invalid', `${flag} takes a whole number from ${least} to ${most}, not "${text}"`);
}

function decimal(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new PlatformError('invalid', `${flag} takes a number of days, not "${text}"`);
}

function range(flag: string, text: string): { first: number; last: number } {
  const [, first, last] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  const found = { first: Number(first), last: Number(last) };
  if (found.first >= 1024 && found.last <= 65_535 && found.first <= found.last) return found;
  throw new PlatformError('invalid', `${flag} takes a range of ports like 21000-24999, not "${text}"`);
}

const nonEmpty = (text: string | undefined) => (text === undefined || text === '' ? undefined : text);
