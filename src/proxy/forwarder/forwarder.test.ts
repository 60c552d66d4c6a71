import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import type { TopologyFeed } from '../../api/contract/schemas.ts';
import { silentLog } from '../../lib/log.ts';
import { until } from '../../lib/wait.ts';
import { Forwarder, type ForwarderLimits, forwarderLimits } from './forwarder.ts';
import { mustEnd, type Target, targetsOf } from './routing.ts';

const target = (name: string): Target => ({ name, host: '127.0.0.1', port: name.charCodeAt(0) });
const [a, b, c] = ['a', 'b', 'c'].map(target) as [Target, Target, Target];
const feedOf = (leader: Target | null, readers: Target[], term = 1): TopologyFeed => ({
  clusterId: 'c',
  term,
  version: 1,
  leader,
  readers,
});
const names = (targets: Target[]) => targets.map(({ name }) => name).join('');

describe('routing', () => {
  it('leads writes to the leader and nowhere else', () => {
    assert.equal(names(targetsOf('readWrite', feedOf(a, [b, c]), 0)), 'a');
    assert.equal(names(targetsOf('readWrite', feedOf(null, [b, c]), 0)), '');
    assert.equal(names(targetsOf('readWrite', undefined, 0)), '');
  });

  it('leads reads to each reader in its turn, and to the leader last', () => {
    assert.equal(names(targetsOf('readOnly', feedOf(a, [b, c]), 0)), 'bca');
    assert.equal(names(targetsOf('readOnly', feedOf(a, [b, c]), 1)), 'cba');
    assert.equal(names(targetsOf('readOnly', feedOf(a, []), 5)), 'a');
    assert.equal(names(targetsOf('readOnly', feedOf(a, [a]), 5)), 'a');
    assert.equal(names(targetsOf('readOnly', feedOf(null, [b]), 5)), 'b');
  });

  it('ends connections to a replaced leader, not those of a leader that is away', () => {
    assert.equal(mustEnd('readWrite', a, feedOf(b, [], 2)), true);
    assert.equal(mustEnd('readWrite', a, feedOf(null, [], 2)), false);
    assert.equal(mustEnd('readWrite', a, feedOf(a, [], 2)), false);
    assert.equal(mustEnd('readOnly', a, feedOf(b, [], 2)), false);
  });
});

describe('the forwarder', () => {
  const cleanups: (() => Promise<unknown> | unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  /** A server that says its name and then does what `behave` says (echo, if nothing). */
  const peer = async (name: string, behave: (socket: Socket) => void = (s) => void s.pipe(s)) => {
    const sockets = new Set<Socket>();
    const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
      socket.write(name);
      behave(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const stop = async () => {
      for (const socket of sockets) socket.resetAndDestroy();
      await new Promise((resolve) => server.close(resolve));
    };
    cleanups.push(stop);
    const { port } = server.address() as { port: number };
    return { target: { name, host: '127.0.0.1', port }, sockets, stop };
  };

  const freePort = async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    return port;
  };

  const start = async (limits: Partial<ForwarderLimits> = {}) => {
    const forwarder = new Forwarder(silentLog, { ...forwarderLimits, retryMs: 5, ...limits });
    cleanups.push(() => forwarder.close());
    const ports = { readWrite: await freePort(), readOnly: await freePort() };
    for (const purpose of ['readWrite', 'readOnly'] as const) {
      await forwarder.listen({ purpose, host: '127.0.0.1', port: ports[purpose] });
    }
    return { forwarder, ports };
  };

  const client = (port: number, options: { allowHalfOpen?: boolean } = {}) => {
    const socket = connect({ host: '127.0.0.1', port, ...options });
    let heard = '';
    socket.on('error', () => {});
    socket.on('data', (data) => {
      heard += data;
    });
    cleanups.push(() => void socket.destroy());
    return {
      socket,
      heard: () => heard,
      hears: (text: string) => until(`"${text}"`, () => heard === text, { deadlineMs: 3000, everyMs: 2 }),
      closed: () => until('the connection to close', () => socket.closed, { deadlineMs: 3000, everyMs: 2 }),
    };
  };

  it('joins a client with the leader, and readers in turn', async () => {
    const [one, two, three] = await Promise.all([peer('1'), peer('2'), peer('3')]);
    const { forwarder, ports } = await start();
    forwarder.route(feedOf(one.target, [two.target, three.target]));
    const writer = client(ports.readWrite);
    writer.socket.write('-hello');
    await writer.hears('1-hello');
    const readers = [client(ports.readOnly), client(ports.readOnly)];
    await until(
      'both readers',
      () =>
        readers
          .map((each) => each.heard())
          .sort()
          .join('') === '23',
      { deadlineMs: 3000 },
    );
    await two.stop();
    await three.stop();
    await client(ports.readOnly).hears('1');
  });

  it('holds a connection until there is a leader', async () => {
    const one = await peer('1');
    const { forwarder, ports } = await start();
    const waiting = client(ports.readWrite);
    waiting.socket.write('-early');
    await until('it to be held', () => forwarder.connections === 1, { deadlineMs: 3000 });
    assert.equal(waiting.heard(), '');
    forwarder.route(feedOf(one.target, []));
    await waiting.hears('1-early');
  });

  it('holds a connection while the leader refuses, until it is back', async () => {
    const port = await freePort();
    const { forwarder, ports } = await start();
    forwarder.route(feedOf({ name: 'x', host: '127.0.0.1', port }, []));
    const waiting = client(ports.readWrite);
    await until('it to be held', () => forwarder.connections === 1, { deadlineMs: 3000 });
    const server = createServer((socket) => socket.end('back'));
    cleanups.push(() => new Promise((resolve) => server.close(resolve)));
    server.listen(port, '127.0.0.1');
    await waiting.hears('back');
  });

  it('closes a connection that nobody takes within the time', async () => {
    const { forwarder, ports } = await start({ holdMs: 50 });
    forwarder.route(feedOf(null, []));
    const waiting = client(ports.readWrite);
    await waiting.closed();
    await until('it to be forgotten', () => forwarder.connections === 0, { deadlineMs: 3000 });
  });

  it('ends connections to the old leader at once when there is another one', async () => {
    const [one, two] = await Promise.all([peer('1'), peer('2')]);
    const { forwarder, ports } = await start();
    forwarder.route(feedOf(one.target, [one.target]));
    const writer = client(ports.readWrite);
    const reader = client(ports.readOnly);
    await writer.hears('1');
    await reader.hears('1');
    forwarder.route(feedOf(null, [], 2));
    assert.equal(writer.socket.closed, false);
    forwarder.route(feedOf(two.target, [], 2));
    await writer.closed();
    await until('the old leader to be rid of it', () => one.sockets.size === 1, { deadlineMs: 3000 });
    assert.equal(reader.socket.closed, false);
    await client(ports.readWrite).hears('2');
  });

  it('closes the client when its server is killed, and the server when its client is', async () => {
    const one = await peer('1');
    const { forwarder, ports } = await start();
    forwarder.route(feedOf(one.target, []));
    const [stays, leaves] = [client(ports.readWrite), client(ports.readWrite)];
    await Promise.all([stays.hears('1'), leaves.hears('1')]);
    leaves.socket.resetAndDestroy();
    await until('the server to lose one', () => one.sockets.size === 1, { deadlineMs: 3000 });
    await one.stop();
    await stays.closed();
    await until('everything to be forgotten', () => forwarder.connections === 0, { deadlineMs: 3000 });
  });

  it('passes the end of one direction on and keeps the other', async () => {
    const one = await peer('1', (socket) => {
      let asked = '';
      socket.on('data', (data) => (asked += data)).on('end', () => socket.end(`-answer to ${asked}`));
    });
    const { forwarder, ports } = await start();
    forwarder.route(feedOf(one.target, []));
    const asks = client(ports.readWrite, { allowHalfOpen: true });
    asks.socket.end('question');
    await asks.hears('1-answer to question');
    await asks.closed();
  });

  it('does not wait for ever for a client that stays after its server has ended', async () => {
    const one = await peer('1', (socket) => socket.end());
    const { forwarder, ports } = await start({ lingerMs: 30 });
    forwarder.route(feedOf(one.target, []));
    const stays = client(ports.readWrite, { allowHalfOpen: true });
    await stays.hears('1');
    await until('the forwarder to let go', () => forwarder.connections === 0, { deadlineMs: 3000 });
  });

  it('stops reading from a server whose client does not read, and still serves others', async () => {
    const chunk = Buffer.alloc(1024 * 1024);
    let sent = 0;
    const one = await peer('1', (socket) => {
      const more = () => {
        while (socket.write(chunk)) sent += chunk.length;
        sent += chunk.length;
      };
      socket.on('drain', more);
      socket.once('data', more);
      socket.on('data', (data) => data.toString() === 'ping' && socket.write('pong'));
    });
    const { forwarder, ports } = await start();
    forwarder.route(feedOf(one.target, []));
    const deaf = connect({ host: '127.0.0.1', port: ports.readWrite }).pause();
    cleanups.push(() => void deaf.destroy());
    deaf.write('go');
    // Until nothing moves any more: the kernel's and our buffers are full.
    let before = -1;
    await until(
      'the flood to stop',
      () => {
        const still = sent > 0 && sent === before;
        before = sent;
        return still;
      },
      { deadlineMs: 5000, everyMs: 100 },
    );
    assert.ok(sent < 64 * chunk.length, `${sent} bytes were taken`);
    assert.ok(process.memoryUsage().arrayBuffers < 64 * chunk.length);
    const other = client(ports.readWrite);
    await other.hears('1');
    assert.equal(forwarder.connections, 2);
    deaf.resume();
    const stuckAt = sent;
    await until('the flood to go on', () => sent > stuckAt + 10 * chunk.length, { deadlineMs: 5000 });
  });

  it('refuses connections beyond the limit and takes new ones afterwards', async () => {
    const one = await peer('1');
    const { forwarder, ports } = await start({ connections: 2 });
    forwarder.route(feedOf(one.target, []));
    const two = [client(ports.readWrite), client(ports.readWrite)];
    await Promise.all(two.map((each) => each.hears('1')));
    await client(ports.readWrite).closed();
    two[0]?.socket.destroy();
    await until('room', () => forwarder.connections === 1, { deadlineMs: 3000 });
    await client(ports.readWrite).hears('1');
  });

  it('takes an address as soon as it is free', async () => {
    const squatter = createServer();
    squatter.listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const { port } = squatter.address() as { port: number };
    const one = await peer('1');
    const forwarder = new Forwarder(silentLog);
    cleanups.push(() => forwarder.close());
    forwarder.route(feedOf(one.target, []));
    const listening = forwarder.listen({ purpose: 'readWrite', host: '127.0.0.1', port });
    await new Promise((resolve) => squatter.close(resolve));
    await listening;
    await client(port).hears('1');
  });

  it('carries a lot of bytes both ways without changing one', async () => {
    const one = await peer('');
    const { forwarder, ports } = await start();
    forwarder.route(feedOf(one.target, []));
    const sum = { sent: 0, heard: 0, bytes: 0 };
    const socket = connect({ host: '127.0.0.1', port: ports.readWrite });
    cleanups.push(() => void socket.destroy());
    socket.on('data', (data: Buffer) => {
      for (const byte of data) sum.heard = (sum.heard * 31 + byte) % 1_000_003;
      sum.bytes += data.length;
    });
    const total = 8 * 1024 * 1024;
    for (let at = 0; at < total; at += 65_536) {
      const chunk = Buffer.from(Array.from({ length: 65_536 }, (_, index) => (at + index * 7) & 0xff));
      for (const byte of chunk) sum.sent = (sum.sent * 31 + byte) % 1_000_003;
      if (!socket.write(chunk)) await once(socket, 'drain');
    }
    await until('the echo', () => sum.bytes === total, { deadlineMs: 10_000 });
    assert.equal(sum.heard, sum.sent);
  });
});
