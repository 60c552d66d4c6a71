/**
 * Following the topology feed of one cluster: which leader and readers are right now.
 *
 * The newest feed is kept on disk, so that a forwarder that starts while the platform is down still
 * serves. A feed that is older than one already seen is never taken, whoever sends it: an API process
 * that lags must not lead writes back to a deposed leader.
 */
import { readFile } from 'node:fs/promises';
import { createClient } from '../../api/contract/client.ts';
import { TopologyFeed } from '../../api/contract/schemas.ts';
import type { ForwarderLaunch } from '../../domain/forwarder.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { codeOf, messageOf } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { writeFileAtomic } from '../../os/files.ts';

/** Within one (term, version) readers come and go, so an equal one is taken. */
export function isOlder(next: TopologyFeed, current: TopologyFeed): boolean {
  return next.term < current.term || (next.term === current.term && next.version < current.version);
}

export type FeedFollowerOptions = {
  clusterId: string;
  /** Read before each connection: the platform may have moved to another port meanwhile. */
  source: () => Promise<Pick<ForwarderLaunch, 'feedUrl' | 'feedToken'>>;
  /** Where the newest feed is kept. */
  file: string;
  onFeed: (feed: TopologyFeed) => void;
  log: Log;
  clock?: Clock;
};

const firstPauseMs = 100;
const longestPauseMs = 2_000;

export class FeedFollower {
  readonly #options: FeedFollowerOptions;
  readonly #clock: Clock;
  #current: TopologyFeed | undefined;
  #kept = '';

  constructor(options: FeedFollowerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Takes the feed of the previous life over, if there is one. */
  async restore(): Promise<void> {
    let text: string;
    try {
      text = await readFile(this.#options.file, 'utf8');
    } catch (error) {
      if (codeOf(error) !== 'ENOENT')
        this.#options.log.warn({ error: messageOf(error) }, 'Cannot read the kept feed');
      return;
    }
    try {
      this.#take(TopologyFeed.parse(JSON.parse(text)));
      this.#kept = text;
    } catch (error) {
      this.#options.log.warn(
        { error: messageOf(error) },
        'The kept feed is unreadable; waits for the platform',
      );
    }
  }

  /** Follows until the signal; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, clusterId } = this.#options;
    let pauseMs = firstPauseMs;
    let lost = false;
    while (!signal.aborted) {
      try {
        const { feedUrl, feedToken } = await this.#options.source();
        const client = createClient({ baseUrl: new URL(feedUrl).origin, token: () => feedToken });
        for await (const message of client.stream('topology', { params: { id: clusterId }, signal })) {
          if (lost) log.info({}, 'Follows the topology feed again');
          lost = false;
          pauseMs = firstPauseMs;
          if (this.#take(TopologyFeed.parse(message))) await this.#keep();
        }
        if (!lost && !signal.aborted)
          log.warn({}, 'The topology feed ended; serves by the last one and tries again');
      } catch (error) {
        if (signal.aborted) return;
        if (!lost)
          log.warn(
            { error: messageOf(error) },
            'The topology feed is lost; serves by the last one and tries again',
          );
      }
      lost = true;
      await this.#clock.delay(pauseMs * (0.75 + Math.random() / 2), signal).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }

  #take(feed: TopologyFeed): boolean {
    const { log, clusterId, onFeed } = this.#options;
    if (feed.clusterId !== clusterId) {
      log.error({ cluster: feed.clusterId }, 'Refused the feed of another cluster');
      return false;
    }
    const current = this.#current;
    if (current !== undefined && isOlder(feed, current)) {
      log.warn(
        { term: feed.term, version: feed.version, held: { term: current.term, version: current.version } },
        'Refused an older feed',
      );
      return false;
    }
    this.#current = feed;
    onFeed(feed);
    return true;
  }

  async #keep(): Promise<void> {
    const text = JSON.stringify(this.#current);
    if (text === this.#kept) return;
    try {
      await writeFileAtomic(this.#options.file, text, { mode: 0o600 });
      this.#kept = text;
    } catch (error) {
      // A full disk must not stop traffic; only a restart without the platform would miss it.
      this.#options.log.warn({ error: messageOf(error) }, 'Cannot keep the feed on disk');
    }
  }
}
