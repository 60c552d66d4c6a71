/**
 * How long from submit to the first committed write through the endpoint, against a floor that a hand
 * script reaches with the same binaries and templates (floor/). Both are measured in turn in one run,
 * so that a machine whose speed drifts slows both. Method and table: docs/benchmarks.md.
 *
 *   npm run bench:provision [-- --rounds N] [--only postgres-1+2] [--json]
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { EngineKind } from '../src/domain/engines.ts';
import { type Topology, topologyOffers } from '../src/domain/topologies.ts';
import { until } from '../src/lib/wait.ts';
import { openDatabase } from '../test/support/databases.ts';
import { testDirectory } from '../test/support/directories.ts';
import { testPack } from '../test/support/packs.ts';
import { type Created, type Platform, startPlatform } from '../test/support/platform.ts';
import type { Floor } from './floor/floor.ts';
import { mysqlFloor } from './floor/mysql.ts';
import { postgresFloor } from './floor/postgres.ts';
import { median, table } from './support.ts';

const layouts: { engine: EngineKind; topology: Topology }[] = [
  { engine: 'mysql', topology: 'single' },
  { engine: 'mysql', topology: '1+3' },
  { engine: 'postgres', topology: 'single' },
  { engine: 'postgres', topology: '1+2' },
];

const { values } = parseArgs({
  options: { rounds: { type: 'string' }, only: { type: 'string' }, json: { type: 'boolean' } },
});
const rounds = Number(values.rounds ?? 7);

await using platform = await startPlatform();
const rows = [];
for (const { engine, topology } of layouts) {
  if (values.only !== undefined && values.only !== `${engine}-${topology}`) continue;
  const floors: number[] = [];
  const ours: number[] = [];
  const ratios: number[] = [];
  // One round more than counted: the first warms caches on both sides.
  for (let round = 0; round <= rounds; round++) {
    const floor = await measureFloor(engine, topology);
    await sparesAreReplaced(engine);
    const mooring = await measureMooring(engine, topology, round);
    if (round === 0) continue;
    floors.push(floor);
    ours.push(mooring);
    ratios.push(mooring / floor);
  }
  rows.push({
    engine,
    topology,
    floorMs: Math.round(median(floors)),
    mooringMs: Math.round(median(ours)),
    ratio: Number(median(ratios).toFixed(2)),
    ratioRange: [Number(Math.min(...ratios).toFixed(2)), Number(Math.max(...ratios).toFixed(2))],
    rounds,
  });
}

if (values.json) process.stdout.write(`${JSON.stringify({ rows })}\n`);
else {
  process.stdout.write(
    table(
      ['engine', 'topology', 'floor ms', 'Mooring ms', 'ratio', 'range'],
      rows.map((row) => [
        row.engine,
        row.topology,
        String(row.floorMs),
        String(row.mooringMs),
        row.ratio.toFixed(2),
        `${row.ratioRange[0]} to ${row.ratioRange[1]}`,
      ]),
    ),
  );
}

async function measureFloor(engine: EngineKind, topology: Topology): Promise<number> {
  await using directory = await testDirectory('mooring-floor-');
  const pack = testPack(engine);
  const options = {
    directory: directory.path,
    binDir: pack.binDir,
    template: join(platform.dataDirectory, 'templates', `${engine}-${pack.fullVersion}`),
    standbys: topologyOffers[topology].standbys,
    k: topologyOffers[topology].k,
  };
  await mkdir(directory.path, { recursive: true });
  await using floor: Floor =
    engine === 'mysql' ? await mysqlFloor({ ...options, pack }) : await postgresFloor(options);
  return floor.milliseconds;
}

/** As it is for a person, who does not create clusters in the same second: the platform is idle. */
async function sparesAreReplaced(engine: EngineKind): Promise<void> {
  const name = `${engine}-${testPack(engine).fullVersion}`;
  const place = join(platform.dataDirectory, 'instances', '.spares', name);
  const spares = async () => (await readdir(place)).filter((entry) => !entry.endsWith('.partial'));
  await until('spare volumes', async () => (await spares()).length >= 4, { deadlineMs: 60_000 });
}

async function measureMooring(engine: EngineKind, topology: Topology, round: number): Promise<number> {
  const name = `bench-${engine}-${round}`;
  const begun = performance.now();
  const { operation } = await platform.api.call('createCluster', { body: { engine, name, topology } });
  await ended(platform, operation.id);
  const [cluster, account] = await Promise.all([
    platform.cluster(name),
    platform.api.call('getAccount', { params: { name } }),
  ]);
  const created = { ...cluster, account } as unknown as Created;
  {
    await using database = await openDatabase(created, created.endpoints.readWrite);
    await database.query('create table t (id int primary key)');
    await database.query('insert into t values (1)');
  }
  const milliseconds = performance.now() - begun;
  const purge = await platform.api.call('deleteCluster', {
    params: { name },
    body: { confirm: name, purge: true },
  });
  await ended(platform, purge.operation.id);
  return milliseconds;
}

/** Waits as the command line does: by the stream of changes, looking when something was said. */
async function ended(on: Platform, id: string): Promise<void> {
  const ending = new AbortController();
  const changes = on.api.stream('changes', { signal: ending.signal });
  const look = async () => {
    const { state, error } = await on.api.call('getOperation', { params: { id } });
    if (state === 'failed' || state === 'cancelled') throw new Error(JSON.stringify(error));
    return state === 'done';
  };
  try {
    // The first message cannot be missed by looking once after the stream is open.
    const first = changes.next();
    if (await look()) return;
    for (let change = await first; !change.done; change = await changes.next()) {
      if (change.value.kind === 'operation' && change.value.id === id && (await look())) return;
    }
  } finally {
    ending.abort();
  }
}
