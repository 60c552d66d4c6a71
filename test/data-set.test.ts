/**
 * Real data sets through the endpoints, by the tools that people use: sysbench and mysqldump, pgbench
 * and pg_restore. Afterwards every member holds the same, by checksum.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { until } from '../src/lib/wait.ts';
import { type Address, query } from './support/databases.ts';
import { testPack } from './support/packs.ts';
import { type Created, type Platform, startPlatform } from './support/platform.ts';

const sysbench = process.env.MOORING_SYSBENCH || undefined;

describe('a data set loaded by public tools', () => {
  let platform: Platform;
  before(async () => {
    platform = await startPlatform();
  });
  after(() => platform[Symbol.asyncDispose]());

  it('sysbench and mysqldump: equal on all members of two MySQL clusters', async (t) => {
    if (sysbench === undefined)
      return t.skip('sysbench is not there: set MOORING_SYSBENCH, or run ./moor test');
    const source = await platform.create('mysql', 'shop', '1+2');
    await runSysbench(sysbench, source, 'prepare');
    const load = await runSysbench(sysbench, source, 'run', [
      '--threads=4',
      '--time=5',
      '--report-interval=0',
    ]);
    assert.match(load, /transactions:\s+[1-9]\d*/);
    assert.match(load, /ignored errors:\s+0 /, 'the endpoint has broken nothing');
    const before = await checksums(source);

    const dump = join(platform.dataDirectory, '..', 'shop.sql');
    const tables = [
      '--single-transaction',
      '--set-gtid-purged=OFF',
      '--no-tablespaces',
      source.account.database,
    ];
    const { readOnly, readWrite } = source.endpoints;
    await tool(
      mysqlTool('mysqldump'),
      [...mysqlLogin(source, readOnly), `--result-file=${dump}`, ...tables],
      source,
    );
    assert((await stat(dump)).size > 1_000_000);
    assert.deepEqual(await checksums(source), before, 'a dump changes nothing');
    assert.equal(await endToEndTls(source, readWrite), 'yes');

    const copy = await platform.create('mysql', 'copy', '1+1');
    const target = [...mysqlLogin(copy, copy.endpoints.readWrite), copy.account.database];
    await tool(mysqlTool('mysql'), target, copy, dump);
    assert.deepEqual(await checksums(copy), before, 'the copy is the original');
  });

  it('pgbench and pg_restore: equal on all members of two PostgreSQL clusters', async () => {
    const source = await platform.create('postgres', 'bank', '1+2');
    const { readWrite, readOnly } = source.endpoints;
    await tool(pgTool('pgbench'), ['--initialize', '--quiet', '--scale=5'], source, undefined, readWrite);
    const load = ['--client=4', '--time=5', '--no-vacuum', '--protocol=prepared'];
    const said = await tool(pgTool('pgbench'), load, source, undefined, readWrite);
    assert.match(said, /number of transactions actually processed: [1-9]/);
    assert.match(said, /number of failed transactions: 0 /);
    const before = await digests(source);

    const dump = join(platform.dataDirectory, '..', 'bank.dump');
    await tool(pgTool('pg_dump'), ['--format=custom', `--file=${dump}`], source, undefined, readOnly);
    assert((await stat(dump)).size > 1_000_000);

    const copy = await platform.create('postgres', 'copied', '1+1');
    const restore = ['--no-owner', '--exit-on-error', `--dbname=${copy.account.database}`, dump];
    await tool(pgTool('pg_restore'), restore, copy, undefined, copy.endpoints.readWrite);
    assert.deepEqual(await digests(copy), before, 'the copy is the original');
  });
});

const mysqlTool = (name: string) => join(testPack('mysql').binDir, name);
const pgTool = (name: string) => join(testPack('postgres').binDir, name);
const mysqlLogin = ({ account }: Created, { host, port }: Address) => [
  `--user=${account.user}`,
  `--host=${host}`,
  `--port=${port}`,
  '--ssl-mode=REQUIRED',
];

/** Debian's sysbench has MariaDB's client library: without TLS it asks the server for its public key. */
function runSysbench(
  program: string,
  created: Created,
  command: string,
  more: string[] = [],
): Promise<string> {
  const { account, endpoints } = created;
  const { host, port } = endpoints.readWrite;
  const options = [
    '--db-driver=mysql',
    `--mysql-host=${host}`,
    `--mysql-port=${port}`,
    `--mysql-user=${account.user}`,
    `--mysql-password=${account.password}`,
    `--mysql-db=${account.database}`,
    '--tables=4',
    '--table-size=10000',
  ];
  return tool(program, ['oltp_read_write', ...options, ...more, command], created);
}

/** Runs a client to its end and returns what it printed; passwords go by the environment. */
function tool(
  program: string,
  args: string[],
  { account }: Created,
  input?: string,
  address?: Address,
): Promise<string> {
  const child = spawn(program, args, {
    env: {
      PATH: '/usr/bin:/bin',
      MYSQL_PWD: account.password,
      ...(address === undefined
        ? {}
        : {
            PGHOST: address.host,
            PGPORT: String(address.port),
            PGUSER: account.user,
            PGPASSWORD: account.password,
            PGDATABASE: account.database,
            PGSSLMODE: 'require',
          }),
    },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  if (input !== undefined && child.stdin !== null) createReadStream(input).pipe(child.stdin);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(said);
      else reject(new Error(`${program} ended with ${code}: ${said.slice(-2000)}`));
    });
  });
}

const sbTables = [1, 2, 3, 4].map((n) => `sbtest${n}`);

/** CHECKSUM TABLE of each table, once all members answer the same. */
function checksums(created: Created): Promise<string[]> {
  return equalEverywhere(created, async (member) => {
    const rows = await query(created, member, `checksum table ${sbTables.join(', ')}`);
    return rows.map(([table, sum]) => `${table?.split('.')[1]} ${sum}`);
  });
}

const pgTables = { accounts: 'aid', branches: 'bid', tellers: 'tid', history: 'mtime, tid, bid, aid, delta' };

/** Number of rows and MD5 over all rows in order, of each table, once all members answer the same. */
function digests(created: Created): Promise<string[]> {
  return equalEverywhere(created, async (member) => {
    const found: string[] = [];
    for (const [table, order] of Object.entries(pgTables)) {
      const sql = `select count(*), md5(string_agg(t::text, '|' order by ${order})) from pgbench_${table} t`;
      const [row] = await query(created, member, sql);
      found.push(`${table} ${row?.join(' ')}`);
    }
    return found;
  });
}

async function equalEverywhere(
  created: Created,
  look: (member: Address) => Promise<string[]>,
): Promise<string[]> {
  let last: string[][] = [];
  const equal = await until(
    `all members of ${created.name} to hold the same`,
    async () => {
      last = await Promise.all(created.instances.map((member) => look(member).catch((e) => [String(e)])));
      return new Set(last.map((each) => JSON.stringify(each))).size === 1 ? last[0] : undefined;
    },
    { deadlineMs: 30_000, everyMs: 200 },
  ).catch((error) => {
    throw new Error(`${String(error)}: ${JSON.stringify(last)}`);
  });
  assert.equal(last.length, created.instances.length);
  assert(
    equal.length >= 4 && equal.every((line) => !/null|undefined|Error/i.test(line)),
    JSON.stringify(equal),
  );
  return equal;
}

/** Whether a session through the endpoint is encrypted up to the server itself. */
async function endToEndTls(created: Created, address: Address): Promise<string> {
  const [row] = await query(created, address, "show session status like 'Ssl_cipher'");
  return row?.[1] ? 'yes' : 'no';
}
