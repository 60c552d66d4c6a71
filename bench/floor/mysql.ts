/** MySQL by hand: the statements of a semi-synchronous group, and nothing else. */
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import type { Pack } from '../../src/domain/packs.ts';
import {
  again,
  copyTemplate,
  endAll,
  type Floor,
  type FloorOptions,
  freePort,
  homesFor,
  start,
  write,
} from './floor.ts';

export async function mysqlFloor(options: FloorOptions & { pack: Pack }): Promise<Floor> {
  const { pack, k } = options;
  const ports = await Promise.all(Array.from({ length: options.standbys + 1 }, freePort));
  const begun = performance.now();
  const homes = await homesFor(options);
  await Promise.all(homes.map((home) => copyTemplate(options, home)));
  const servers = homes.map((home, n) => {
    write(join(home, 'my.cnf'), configuration(home, n + 1, ports[n] ?? 0));
    return start(
      join(options.binDir, 'mysqld'),
      [
        `--defaults-file=${join(home, 'my.cnf')}`,
        `--plugin-dir=${pack.mysql?.pluginDir}`,
        `--lc-messages-dir=${pack.mysql?.messagesDir}`,
        `--character-sets-dir=${pack.mysql?.charsetsDir}`,
      ],
      home,
    );
  });
  try {
    const sessions = await Promise.all(
      homes.map((home) =>
        again(() =>
          mysql.createConnection({
            socketPath: join(home, 's'),
            user: 'mooring',
            password: '',
            multipleStatements: true,
          }),
        ),
      ),
    );
    const [primary, ...standbys] = sessions;
    if (primary === undefined) throw new Error('no primary');
    await Promise.all(
      sessions.map((session) =>
        session.query(
          `SET sql_log_bin=0; SET GLOBAL super_read_only=OFF;
           ALTER USER mooring_repl@'%' IDENTIFIED BY 'floor' REQUIRE NONE ACCOUNT UNLOCK;
           SET sql_log_bin=1; SET GLOBAL rpl_semi_sync_source_wait_for_replica_count=${Math.max(1, k)}`,
        ),
      ),
    );
    await Promise.all(
      standbys.map((session) =>
        session.query(
          `SET GLOBAL super_read_only=ON; SET GLOBAL rpl_semi_sync_replica_enabled=1;
           CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=${ports[0]}, SOURCE_USER='mooring_repl',
             SOURCE_PASSWORD='floor', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1, SOURCE_CONNECT_RETRY=1;
           START REPLICA`,
        ),
      ),
    );
    if (k > 0) await primary.query('SET GLOBAL rpl_semi_sync_source_enabled=1');
    await primary.query(
      `SET GLOBAL read_only=OFF; CREATE DATABASE app; CREATE USER app@'%' IDENTIFIED BY 'app'; GRANT ALL ON app.* TO app@'%'`,
    );
    const application = await mysql.createConnection({
      host: '127.0.0.1',
      port: ports[0] ?? 0,
      user: 'app',
      password: 'app',
      database: 'app',
    });
    await application.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await application.query('INSERT INTO t VALUES (1)');
    const milliseconds = performance.now() - begun;
    for (const session of [...sessions, application]) session.destroy();
    return { milliseconds, [Symbol.asyncDispose]: () => endAll(servers) };
  } catch (error) {
    await endAll(servers);
    throw error;
  }
}

/** The platform's own settings for a small instance, without gate and TLS. */
function configuration(home: string, id: number, port: number): string {
  return `[mysqld]
plugin-load-add = semisync_source.so
plugin-load-add = semisync_replica.so
datadir = ${home}/data
socket = ${home}/s
pid-file = ${home}/pid
bind-address = 127.0.0.1
port = ${port}
server-id = ${id}
max-connections = 120
mysqlx = OFF
skip-name-resolve = ON
secure-file-priv = NULL
skip-replica-start = ON
read-only = ON
sync-binlog = 1
innodb-flush-log-at-trx-commit = 1
innodb-flush-method = fsync
gtid-mode = ON
enforce-gtid-consistency = ON
log-bin = binlog
log-replica-updates = ON
relay-log = relay
relay-log-recovery = OFF
loose-rpl-semi-sync-source-wait-point = AFTER_SYNC
loose-rpl-semi-sync-source-timeout = 4294967295
sync-relay-log = 10000
performance-schema = OFF
innodb-buffer-pool-size = 32M
innodb-redo-log-capacity = 16M
innodb-log-buffer-size = 1M
innodb-page-cleaners = 1
innodb-purge-threads = 1
innodb-read-io-threads = 1
innodb-write-io-threads = 1
innodb-doublewrite-files = 1
innodb-buffer-pool-load-at-startup = OFF
table-open-cache = 200
table-definition-cache = 400
replica-parallel-workers = 2
`;
}
