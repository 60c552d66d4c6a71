/**
 * Resident and proportional memory of everything that runs for a platform with a MySQL 1+3 and a
 * PostgreSQL 1+2 cluster: platform, store, agents, forwarders, servers. Method: docs/benchmarks.md.
 *
 *   npm run bench:footprint [-- --json]
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Platform, processesOf, startPlatform } from '../test/support/platform.ts';
import { median, table } from './support.ts';

const { values } = parseArgs({ options: { json: { type: 'boolean' }, settle: { type: 'string' } } });

type Kind = 'platform' | 'store' | 'agent (mysql)' | 'agent (postgres)' | 'forwarder' | 'mysqld' | 'postgres';
type Memory = { residentMb: number; proportionalMb: number };

await using platform = await startPlatform();
await platform.create('mysql', 'orders', '1+3');
await platform.create('postgres', 'ledger', '1+2');
// Memory that start-up needed is given back within seconds; what stays is the footprint.
await new Promise((resolve) => setTimeout(resolve, Number(values.settle ?? 30) * 1000));

const groups = new Map<Kind, Memory[]>();
for (const { kind, pids } of programs(platform)) {
  const parts = pids.map(memoryOf);
  const sum = (pick: (memory: Memory) => number) => parts.reduce((total, part) => total + pick(part), 0);
  const memory = {
    // The children of one PostgreSQL share most of what is resident in each; only PSS adds up.
    residentMb: pids.length === 1 ? (parts[0]?.residentMb ?? 0) : Number.NaN,
    proportionalMb: sum((part) => part.proportionalMb),
  };
  groups.set(kind, [...(groups.get(kind) ?? []), memory]);
}
const rows = [...groups].map(([kind, memories]) => ({
  kind,
  count: memories.length,
  residentMb: Math.round(median(memories.map((memory) => memory.residentMb))),
  proportionalMb: Math.round(median(memories.map((memory) => memory.proportionalMb))),
}));

if (values.json) process.stdout.write(`${JSON.stringify({ rows })}\n`);
else {
  process.stdout.write(
    table(
      ['what', 'how many', 'resident MB each', 'proportional MB each'],
      rows.map((row) => [
        row.kind,
        String(row.count),
        Number.isNaN(row.residentMb) ? '-' : String(row.residentMb),
        String(row.proportionalMb),
      ]),
    ),
  );
}

function programs(on: Platform): { kind: Kind; pids: number[] }[] {
  const all = processesOf(on.dataDirectory);
  const servers = new Map<string, { kind: Kind; pids: number[] }>();
  const found: { kind: Kind; pids: number[] }[] = [{ kind: 'platform', pids: [on.pid] }];
  for (const { pid } of all) {
    if (pid === on.pid) continue;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
    const home = /instances\/[^/\s]+/.exec(`${command} ${environment}`)?.[0];
    if (command.includes('forwarder')) found.push({ kind: 'forwarder', pids: [pid] });
    else if (command.includes('agent')) {
      const launch = readFileSync(join(on.dataDirectory, home ?? '', 'agent.json'), 'utf8');
      const engine = (JSON.parse(launch) as { identity: { engine: 'mysql' | 'postgres' } }).identity.engine;
      found.push({ kind: `agent (${engine})`, pids: [pid] });
    } else {
      const key = home ?? 'store';
      const kind: Kind = home === undefined ? 'store' : command.includes('mysqld') ? 'mysqld' : 'postgres';
      const server = servers.get(key) ?? { kind, pids: [] };
      server.pids.push(pid);
      servers.set(key, server);
    }
  }
  return [...found, ...servers.values()];
}

function memoryOf(pid: number): Memory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kilobytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0);
  return { residentMb: kilobytes('Rss') / 1024, proportionalMb: kilobytes('Pss') / 1024 };
}
