import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { TopologyFeed } from '../../api/contract/schemas.ts';
import { silentLog } from '../../lib/log.ts';
import { until } from '../../lib/wait.ts';
import { FeedFollower, isOlder } from './feed.ts';

const feed = (term: number, version: number, leader = 'a'): TopologyFeed => ({
  clusterId: 'c1',
  term,
  version,
  leader: { name: leader, host: '127.0.0.1', port: 1 },
  readers: [],
});

describe('the age of a feed', () => {
  it('is its term first and its version second', () => {
    assert.equal(isOlder(feed(2, 1), feed(1, 9)), false);
    assert.equal(isOlder(feed(1, 9), feed(2, 1)), true);
    assert.equal(isOlder(feed(2, 1), feed(2, 2)), true);
    assert.equal(isOlder(feed(2, 2), feed(2, 2)), false);
  });
});

describe('the feed follower', () => {
  let directory: string;
  let file: string;
  let server: Server;
  let streams: ServerResponse[] = [];
  let requests: IncomingMessage[] = [];
  const ending = { signal: new AbortController() };
  let running: Promise<void> | undefined;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mooring-feed-'));
    file = join(directory, 'feed.json');
    server = createServer((request, response) => {
      requests.push(request);
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': here\n\n');
      streams.push(response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    ending.signal.abort();
    ending.signal = new AbortController();
    await running;
    for (const stream of streams) stream.destroy();
    streams = [];
    requests = [];
    await rm(file, { force: true });
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true });
  });

  const url = () => `http://127.0.0.1:${(server.address() as { port: number }).port}/anything`;
  const follow = (taken: TopologyFeed[]) => {
    const follower = new FeedFollower({
      clusterId: 'c1',
      source: async () => ({ feedUrl: url(), feedToken: 'feed_x' }),
      file,
      onFeed: (each) => taken.push(each),
      log: silentLog,
    });
    return {
      follower,
      run: () => {
        running = follower.run(ending.signal.signal);
      },
    };
  };
  const stream = (count: number) =>
    until('a reader', () => streams[count - 1], { deadlineMs: 3000, everyMs: 2 });
  const send = (response: ServerResponse, data: unknown) =>
    response.write(`data: ${JSON.stringify(data)}\n\n`);

  it('asks for its cluster with its token, takes what comes, and keeps it on disk', async () => {
    const taken: TopologyFeed[] = [];
    follow(taken).run();
    send(await stream(1), feed(1, 1));
    await until('the feed on disk', async () => (await readFile(file, 'utf8')).includes('"c1"'), {
      deadlineMs: 3000,
    });
    assert.deepEqual(taken, [feed(1, 1)]);
    assert.equal(requests[0]?.url, '/api/v1/clusters/c1/topology');
    assert.equal(requests[0]?.headers.authorization, 'Bearer feed_x');
  });

  it('serves by the kept feed when the platform is down, and refuses older ones afterwards', async () => {
    await writeFile(file, JSON.stringify(feed(5, 2, 'kept')));
    const taken: TopologyFeed[] = [];
    const { follower, run } = follow(taken);
    await follower.restore();
    assert.deepEqual(taken, [feed(5, 2, 'kept')]);
    run();
    const response = await stream(1);
    send(response, feed(4, 9, 'old'));
    send(response, { ...feed(9, 9), clusterId: 'another' });
    send(response, feed(5, 3, 'new'));
    await until('the newer feed', () => taken.at(-1)?.version === 3, { deadlineMs: 3000 });
    assert.deepEqual(taken, [feed(5, 2, 'kept'), feed(5, 3, 'new')]);
  });

  it('connects again when the stream is lost, ends, or says something unreadable', async () => {
    const taken: TopologyFeed[] = [];
    follow(taken).run();
    (await stream(1)).destroy();
    (await stream(2)).end();
    send(await stream(3), { nonsense: true });
    send(await stream(4), feed(1, 1));
    await until('the feed', () => taken.length === 1, { deadlineMs: 3000 });
  });

  it('starts without a kept feed when that is damaged', async () => {
    await writeFile(file, '{"clusterId":');
    const taken: TopologyFeed[] = [];
    await follow(taken).follower.restore();
    assert.deepEqual(taken, []);
  });
});
