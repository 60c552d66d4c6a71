import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { until } from '../lib/wait.ts';
import { readPidFile, startTimeOf } from '../os/processes.ts';
import { findByArguments } from '../runtimes/local/processes.ts';

describe('the forwarder program', () => {
  let home: string;
  let peer: Server;
  let port: number;
  const children: ChildProcess[] = [];
  const portOf = (server: Server) => (server.address() as { port: number }).port;
  const start = (...args: string[]) => {
    const program = join(import.meta.dirname, 'forwarder.ts');
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    children.push(child);
    return child;
  };
  const greeting = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1').once('error', reject);
      socket.once('data', (data) => {
        resolve(data.toString());
        socket.destroy();
      });
    });

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'mooring-forwarder-'));
    peer = createServer((socket) => socket.on('error', () => {}).end('hello'));
    peer.listen(0, '127.0.0.1');
    await once(peer, 'listening');
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    port = portOf(free);
    await new Promise((resolve) => free.close(resolve));
    const launch = {
      clusterId: 'c1',
      clusterName: 'orders',
      endpoints: [{ purpose: 'readWrite', host: '127.0.0.1', port }],
      feedUrl: 'http://127.0.0.1:1/api/v1/clusters/c1/topology',
      feedToken: 'feed_x',
    };
    await writeFile(join(home, 'forwarder.json'), JSON.stringify(launch), { mode: 0o600 });
    const leader = { name: 'orders-1', host: '127.0.0.1', port: portOf(peer) };
    const feed = { clusterId: 'c1', term: 1, version: 1, leader, readers: [] };
    await writeFile(join(home, 'feed.json'), JSON.stringify(feed));
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    peer.close();
    await rm(home, { recursive: true });
  });

  it('serves without the platform, names itself by pid and start time, and ends when told', async () => {
    const child = start('--home', home);
    assert.equal(await until('the endpoint', greeting, { deadlineMs: 10_000 }), 'hello');
    assert.deepEqual(readPidFile(join(home, 'forwarder.pid')), {
      pid: child.pid,
      startTime: startTimeOf(child.pid as number),
    });
    const found = findByArguments(['--home', home], null).map(({ pid }) => pid);
    assert.deepEqual(found, [child.pid], 'its arguments stay readable, for who lost the pid file');
    const [code] = await once(start('--home', home), 'exit');
    assert.equal(code, 4);
    assert.equal(await greeting(), 'hello');
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    await assert.rejects(greeting(), { code: 'ECONNREFUSED' });
  });

  it('does not claim to serve while another program holds its address', async () => {
    const holder = createServer((socket) => socket.on('error', () => {}).end('other'));
    holder.listen(port, '127.0.0.1');
    await once(holder, 'listening');
    const child = start('--home', home);
    const named = async (file: string) => readPidFile(join(home, file))?.pid === child.pid;
    await until('it to run', () => named('forwarder.pid'), { deadlineMs: 10_000 });
    assert.equal(await greeting(), 'other');
    assert.equal(await named('serving.pid'), false);
    await new Promise((resolve) => holder.close(resolve));
    await until('it to serve', () => named('serving.pid'), { deadlineMs: 10_000 });
    assert.equal(await greeting(), 'hello');
    child.kill('SIGTERM');
    await once(child, 'exit');
  });

  it('comes back on its address at once after it was killed', async () => {
    const first = start('--home', home);
    await until('the endpoint', greeting, { deadlineMs: 10_000 });
    first.kill('SIGKILL');
    await once(first, 'exit');
    start('--home', home);
    assert.equal(await until('the endpoint', greeting, { deadlineMs: 10_000 }), 'hello');
    assert.match(await readFile(join(home, 'forwarder.pid'), 'utf8'), /startTime/);
  });

  it('says what is wrong with its arguments and its file', async () => {
    assert.deepEqual(await once(start(), 'exit'), [2, null]);
    assert.deepEqual(await once(start('--home', '/nowhere'), 'exit'), [1, null]);
  });
});
