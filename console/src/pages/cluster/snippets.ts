/** Code that connects, per engine and language. Generated passwords need no quoting beyond this. */
import type { Cluster } from '../../../../src/api/contract/schemas.ts';

export type Snippet = { name: string; text: string };

type Target = { host: string; port: number };

export function snippetsFor(cluster: Cluster, at: Target, password: string): Snippet[] {
  return cluster.engine === 'mysql' ? mysql(cluster, at, password) : postgres(cluster, at, password);
}

function mysql({ account }: Cluster, { host, port }: Target, password: string): Snippet[] {
  return [
    {
      name: 'mysql',
      text: `mysql --host=${host} --port=${port} --user=${account.user} --password='${password}' --ssl-mode=REQUIRED ${account.database}`,
    },
    {
      name: 'Node',
      text: `import { readFileSync } from 'node:fs';
import { createPool } from 'mysql2/promise';

const pool = createPool({
  host: '${host}',
  port: ${port},
  user: '${account.user}',
  password: '${password}',
  database: '${account.database}',
  ssl: { ca: readFileSync('mooring-ca.pem') },
});
const [rows] = await pool.query('SELECT 1');`,
    },
    {
      name: 'Java',
      text: `String url = "jdbc:mysql://${host}:${port}/${account.database}?sslMode=REQUIRED";
try (var connection = DriverManager.getConnection(url, "${account.user}", "${password}")) {
  connection.createStatement().execute("SELECT 1");
}`,
    },
    {
      name: 'Python',
      text: `import pymysql

connection = pymysql.connect(
    host="${host}", port=${port},
    user="${account.user}", password="${password}",
    database="${account.database}",
    ssl={"ca": "mooring-ca.pem"},
)
with connection.cursor() as cursor:
    cursor.execute("SELECT 1")`,
    },
  ];
}

function postgres({ account }: Cluster, { host, port }: Target, password: string): Snippet[] {
  return [
    {
      name: 'psql',
      text: `psql "host=${host} port=${port} user=${account.user} password=${password} dbname=${account.database} sslmode=require"`,
    },
    {
      name: 'Node',
      text: `import { readFileSync } from 'node:fs';
import pg from 'pg';

const pool = new pg.Pool({
  host: '${host}',
  port: ${port},
  user: '${account.user}',
  password: '${password}',
  database: '${account.database}',
  ssl: { ca: readFileSync('mooring-ca.pem', 'utf8') },
});
const { rows } = await pool.query('SELECT 1');`,
    },
    {
      name: 'Java',
      text: `String url = "jdbc:postgresql://${host}:${port}/${account.database}?sslmode=require";
try (var connection = DriverManager.getConnection(url, "${account.user}", "${password}")) {
  connection.createStatement().execute("SELECT 1");
}`,
    },
    {
      name: 'Python',
      text: `import psycopg

with psycopg.connect(
    host="${host}", port=${port},
    user="${account.user}", password="${password}",
    dbname="${account.database}", sslmode="require",
) as connection:
    connection.execute("SELECT 1")`,
    },
  ];
}
