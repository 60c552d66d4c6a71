/**
 * The plain TCP forwarder of one cluster: it holds the endpoint addresses and joins each connection to
 * the server that the newest feed names. It looks at no byte that it carries.
 *
 * A connection that finds nobody to go to is held for a bounded time, unread, and then closed; so an
 * application sees a slow connect instead of a refused one while a leader restarts.
 */
import { setMaxListeners } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { TopologyFeed } from '../../api/contract/schemas.ts';
import type { EndpointPurpose, ForwarderLaunch } from '../../domain/forwarder.ts';
import { systemClock } from '../../lib/clock.ts';
import { codeOf, messageOf } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { connectTo, relay, tune } from './relay.ts';
import { isSame, mustEnd, type Target, targetsOf } from './routing.ts';

export type ForwarderLimits = {
  /** Client connections over all endpoints; more are closed at once. */
  connections: number;
  /** How long a connection waits for somebody to go to. */
  holdMs: number;
  connectMs: number;
  /** Between two attempts while nobody answers; a new feed is looked at immediately. */
  retryMs: number;
  /** How long a client may stay after its server has ended the connection. */
  lingerMs: number;
};

export const forwarderLimits: ForwarderLimits = {
  connections: 4_000,
  holdMs: 10_000,
  connectMs: 2_000,
  retryMs: 50,
  lingerMs: 10_000,
};

type Link = { purpose: EndpointPurpose; target: Target; client: Socket; server: Socket };

export class Forwarder {
  readonly #log: Log;
  readonly #limits: ForwarderLimits;
  readonly #listeners = new Set<Server>();
  readonly #clients = new Set<Socket>();
  readonly #links = new Set<Link>();
  readonly #ending = new AbortController();
  readonly #complaints: Complaints;
  #feed: TopologyFeed | undefined;
  /** Wakes the connections that wait for somebody to go to. */
  readonly #waiting = new Set<() => void>();
  #turn = 0;

  constructor(log: Log, limits: ForwarderLimits = forwarderLimits) {
    this.#log = log;
    this.#limits = limits;
    this.#complaints = new Complaints(log);
    setMaxListeners(0, this.#ending.signal);
  }

  get connections(): number {
    return this.#clients.size;
  }

  /** Resolves when the address is held; an address in use is tried again until the forwarder ends. */
  async listen(endpoint: ForwarderLaunch['endpoints'][number]): Promise<void> {
    const { purpose, host, port } = endpoint;
    const address = `${host}:${port}`;
    let failures = 0;
    while (!this.#ending.signal.aborted) {
      try {
        await this.#bind(purpose, host, port);
        this.#log.info({ purpose, address }, 'Listens');
        return;
      } catch (error) {
        failures += 1;
        const facts = { purpose, address, code: codeOf(error) };
        if (failures % 20 === 1) this.#log.error(facts, 'Cannot listen on an endpoint; tries again');
        await systemClock.delay(Math.min(50 * failures, 500), this.#ending.signal).catch(() => {});
      }
    }
  }

  /** The newest feed. Connections that lead writes to a replaced leader end at once. */
  route(feed: TopologyFeed): void {
    const before = this.#feed?.leader?.name ?? 'nobody';
    const now = feed.leader?.name ?? 'nobody';
    this.#feed = feed;
    const old = [...this.#links].filter((link) => mustEnd(link.purpose, link.target, feed));
    for (const link of old) {
      link.client.resetAndDestroy();
      link.server.destroy();
    }
    if (before !== now)
      this.#log.info({ term: feed.term, before, closed: old.length }, `Writes go to ${now}`);
    for (const wake of this.#waiting) wake();
  }

  /** Gives the addresses free and ends every connection. */
  async close(): Promise<void> {
    this.#ending.abort();
    for (const wake of this.#waiting) wake();
    const closed = [...this.#listeners].map((listener) => new Promise((resolve) => listener.close(resolve)));
    for (const { server } of this.#links) server.destroy();
    for (const client of this.#clients) client.destroy();
    await Promise.all(closed);
    this.#complaints.end();
  }

  #bind(purpose: EndpointPurpose, host: string, port: number): Promise<void> {
    const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) =>
      this.#accept(purpose, client),
    );
    return new Promise((resolve, reject) => {
      listener.once('error', reject);
      listener.listen({ host, port, backlog: 1024 }, () => {
        listener.removeListener('error', reject);
        listener.on('error', (error) => this.#complaints.add(`An endpoint fails: ${messageOf(error)}`));
        this.#listeners.add(listener);
        if (this.#ending.signal.aborted) listener.close();
        resolve();
      });
    });
  }

  #accept(purpose: EndpointPurpose, client: Socket): void {
    client.on('error', () => client.destroy());
    if (this.#clients.size >= this.#limits.connections) {
      this.#complaints.add(`Refused a connection: ${this.#limits.connections} are open, the most allowed`);
      client.resetAndDestroy();
      return;
    }
    this.#clients.add(client);
    client.once('close', () => this.#clients.delete(client));
    tune(client);
    this.#serve(purpose, client).catch((error) => {
      this.#complaints.add(`Closed a connection: ${messageOf(error)}`);
      client.destroy();
    });
  }

  async #serve(purpose: EndpointPurpose, client: Socket): Promise<void> {
    const endMs = performance.now() + this.#limits.holdMs;
    for (;;) {
      const seen = this.#feed;
      const turn = purpose === 'readOnly' ? this.#turn++ : 0;
      let problem = 'nobody takes writes now';
      for (const target of targetsOf(purpose, this.#feed, turn)) {
        try {
          const server = await connectTo(target, this.#limits.connectMs, this.#ending.signal);
          if (this.#join(purpose, target, client, server)) return;
        } catch (error) {
          problem = `${target.name} at ${target.host}:${target.port}: ${messageOf(error)}`;
        }
        if (client.destroyed) return;
      }
      if (this.#ending.signal.aborted || client.destroyed) return void client.destroy();
      if (performance.now() >= endMs) throw new Error(`${problem} (waited ${this.#limits.holdMs} ms)`);
      if (this.#feed === seen) await this.#pause();
    }
  }

  /** Until the next attempt, or the next feed. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, this.#limits.retryMs);
      this.#waiting.add(wake);
    });
  }

  /** False when the feed or the client has changed its mind while the connection was being made. */
  #join(purpose: EndpointPurpose, target: Target, client: Socket, server: Socket): boolean {
    server.on('error', () => server.destroy());
    const feed = this.#feed;
    const replaced = purpose === 'readWrite' && (feed?.leader == null || !isSame(feed.leader, target));
    if (replaced || client.destroyed || this.#ending.signal.aborted) {
      server.destroy();
      return client.destroyed;
    }
    const link = { purpose, target, client, server };
    this.#links.add(link);
    relay(client, server, this.#limits.lingerMs, () => this.#links.delete(link));
    return true;
  }
}

/** The same complaint a thousand times a second is one line a second with a count. */
class Complaints {
  readonly #log: Log;
  readonly #counts = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  add(message: string): void {
    const count = this.#counts.get(message);
    if (count === undefined && this.#counts.size < 50) {
      this.#log.warn({}, message);
      this.#counts.set(message, 0);
    } else if (count !== undefined) {
      this.#counts.set(message, count + 1);
    }
    this.#timer ??= setTimeout(() => this.end(), 1_000).unref();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const [message, again] of this.#counts) {
      if (again > 0) this.#log.warn({ again }, message);
    }
    this.#counts.clear();
  }
}
