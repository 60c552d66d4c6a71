/** A cluster as the CLI prints it: the JSON that scripts rely on, and the page for people. */
import type { Account, Cluster } from '../api/contract/schemas.ts';
import { bytes, type Output } from './output.ts';

/** The names here are a promise to scripts; more may be added, none may change. */
export function clusterJson(cluster: Cluster) {
  const { name, engine, version, topology, state, endpoints, rule, secondsToReady } = cluster;
  const endpoint = (one: { host: string; port: number; url: string }) => ({
    host: one.host,
    port: one.port,
    url: one.url,
  });
  return {
    name,
    engine,
    version,
    topology,
    state,
    endpoints: endpoints && {
      readWrite: endpoint(endpoints.readWrite),
      readOnly: endpoint(endpoints.readOnly),
    },
    account: { user: cluster.account.user, database: cluster.account.database },
    instances: cluster.instances.map(({ name, role, zone, host, port }) => ({
      name,
      role,
      zone,
      host,
      port,
    })),
    rule: rule && { term: rule.term, leader: rule.leader, k: rule.k },
    secondsToReady,
  };
}

/** What `create --json` ends with: with the password, in the account and in the addresses. */
export function createdJson(cluster: Cluster, account: Account) {
  const plain = clusterJson(cluster);
  return {
    ...plain,
    endpoints: plain.endpoints && {
      readWrite: { ...plain.endpoints.readWrite, url: urlWith(plain.endpoints.readWrite.url, account) },
      readOnly: { ...plain.endpoints.readOnly, url: urlWith(plain.endpoints.readOnly.url, account) },
    },
    account: { user: account.user, password: account.password, database: account.database },
  };
}

/** What `get --json` prints. */
export function detailJson(cluster: Cluster) {
  return {
    ...clusterJson(cluster),
    instances: cluster.instances.map(({ id: _id, ...instance }) => instance),
    explain: cluster.explain,
    id: cluster.id,
    team: cluster.team,
    size: cluster.size,
    ack: cluster.ack,
    createdAt: cluster.createdAt,
    deletedAt: cluster.deletedAt,
    purgeAfter: cluster.purgeAfter,
    operation: cluster.operation,
  };
}

export function urlWith(url: string, account: { user: string; password: string }): string {
  const parsed = new URL(url);
  parsed.username = account.user;
  parsed.password = account.password;
  return parsed.toString();
}

const stateColours = { ready: 'green', degraded: 'yellow', creating: 'yellow', deleting: 'yellow' } as const;

export function paintState(output: Output, state: string): string {
  const colour = stateColours[state as keyof typeof stateColours];
  return output.paint(colour ?? (state === 'deleted' ? 'dim' : 'red'), state);
}

export function showCluster(output: Output, cluster: Cluster): void {
  const { endpoints, rule } = cluster;
  output.line(`${output.paint('bold', cluster.name)}  ${paintState(output, cluster.state)}`);
  for (const sentence of cluster.explain) output.line(`  ${sentence}`);
  output.line();
  const facts: [string, string][] = [
    ['engine', `${cluster.engine} ${cluster.version}, ${cluster.topology}, ${cluster.size}`],
    ['team', cluster.team],
    ['read-write', endpoints?.readWrite.url ?? 'not open yet'],
    ['read-only', endpoints?.readOnly.url ?? 'not open yet'],
  ];
  if (rule) {
    const leader = cluster.instances.find((i) => i.id === rule.leader)?.name ?? rule.leader;
    facts.push(['rule', `term ${rule.term}, leader ${leader}, ${acknowledgements(rule.k)}`]);
  }
  if (cluster.purgeAfter) facts.push(['kept until', cluster.purgeAfter]);
  for (const [label, value] of facts) output.line(`${label.padEnd(11)} ${value}`);
  if (cluster.instances.length === 0) return;
  output.line();
  output.table(
    ['instance', 'role', 'state', 'zone', 'address', 'lag', 'memory', 'disk'],
    cluster.instances.map((i) => [
      i.name,
      i.role,
      i.state,
      i.zone,
      `${i.host}:${i.port}`,
      i.lagMs === null ? '-' : `${i.lagMs} ms`,
      bytes(i.residentBytes),
      bytes(i.diskUsedBytes),
    ]),
  );
}

function acknowledgements(k: number): string {
  if (k === 0) return 'no standby has to acknowledge';
  return k === 1 ? '1 standby must acknowledge' : `${k} standbys must acknowledge`;
}
