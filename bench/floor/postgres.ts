/**
 * PostgreSQL by hand: the primary from the template, its standbys by pg_basebackup in parallel, as the
 * manual says and as a careful person does it (copies of one template would leave the standbys of all
 * clusters with one system identifier), quorum commit, and nothing else.
 */
import { join } from 'node:path';
import pg from 'pg';
import {
  again,
  copyTemplate,
  endAll,
  type Floor,
  type FloorOptions,
  finished,
  freePort,
  homesFor,
  start,
  write,
} from './floor.ts';

const hba = `local all all trust
host all all 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
`;

export async function postgresFloor(options: FloorOptions): Promise<Floor> {
  const { k, standbys } = options;
  const ports = await Promise.all(Array.from({ length: standbys + 1 }, freePort));
  const begun = performance.now();
  const homes = await homesFor(options);
  const names = homes.map((_, n) => `m${n + 1}`);
  const [first = '', ...rest] = homes;
  await copyTemplate(options, first);
  const run = (home: string, n: number) => {
    const data = join(home, 'data');
    write(join(data, 'postgresql.auto.conf'), '');
    write(join(data, 'pg_hba.conf'), hba);
    write(join(data, 'postgresql.conf'), configuration(home, ports[n] ?? 0, n, ports[0] ?? 0, names, k));
    return start(join(options.binDir, 'postgres'), ['-D', data], home);
  };
  const servers = [run(first, 0)];
  try {
    const open = (database: string, user: string) => async () => {
      const client = new pg.Client({ host: '127.0.0.1', port: ports[0] ?? 0, user, database });
      await client.connect();
      return client;
    };
    const admin = await again(open('postgres', 'mooring'));
    // Nothing is acknowledged by standbys that are not there yet.
    await admin.query('SET synchronous_commit = local');
    await admin.query('CREATE ROLE app LOGIN');
    await admin.query('CREATE DATABASE app OWNER app');
    await Promise.all(
      rest.map(async (home, n) => {
        const connection = `host=127.0.0.1 port=${ports[0]} user=mooring`;
        await finished(
          start(
            join(options.binDir, 'pg_basebackup'),
            ['-d', connection, '-D', join(home, 'data'), '-c', 'fast', '-X', 'stream', '--no-sync', '-R'],
            home,
          ),
        );
        servers.push(run(home, n + 1));
      }),
    );
    const application = await open('app', 'app')();
    await application.query('CREATE TABLE t (id int PRIMARY KEY)');
    await application.query('INSERT INTO t VALUES (1)');
    const milliseconds = performance.now() - begun;
    await Promise.all([admin.end(), application.end()]);
    return { milliseconds, [Symbol.asyncDispose]: () => endAll(servers) };
  } catch (error) {
    await endAll(servers);
    throw error;
  }
}

function configuration(
  home: string,
  port: number,
  index: number,
  primaryPort: number,
  names: string[],
  k: number,
): string {
  const quorum = k > 0 ? `ANY ${k} (${names.slice(1).join(', ')})` : '';
  const role =
    index === 0
      ? `synchronous_standby_names = '${quorum}'`
      : `primary_conninfo = 'host=127.0.0.1 port=${primaryPort} user=mooring application_name=${names[index]}'`;
  return `listen_addresses = '127.0.0.1'
port = ${port}
unix_socket_directories = '${home}'
max_connections = 106
shared_buffers = 128MB
huge_pages = off
jit = off
wal_log_hints = on
max_wal_senders = 12
hot_standby = on
wal_keep_size = 64MB
wal_receiver_status_interval = 1s
wal_retrieve_retry_interval = 100ms
restart_after_crash = off
${role}
`;
}
