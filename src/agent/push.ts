/**
 * Pushes the status to the controller: every 500 ms and at once on change, one request in flight,
 * over one kept connection. While the controller is slow or down only the newest status is worth
 * anything, so nothing is queued: each request asks for the status at the moment it is sent.
 */
import { Agent, request } from 'node:https';
import type { InstanceStatus } from '../domain/status.ts';
import type { Log } from '../lib/log.ts';

export type Credentials = { cert: string; key: string; ca: string };

export type Pusher = {
  /** Something changed: push now, or right after the request in flight. */
  nudge(): void;
  stop(): void;
};

const everyMs = 500;
const maxBackOffMs = 2000;
const timeoutMs = 3000;

export function startPusher(
  controllerUrl: string,
  credentials: Credentials,
  status: () => InstanceStatus,
  log: Log,
): Pusher {
  const url = new URL('/agent/v1/status', controllerUrl);
  const connection = new Agent({ keepAlive: true, maxSockets: 1, ...credentials, minVersion: 'TLSv1.3' });
  let inFlight = false;
  let changed = false;
  let stopped = false;
  let backOffMs = 0;
  let timer: NodeJS.Timeout | undefined;

  const schedule = (ms: number) => {
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(push, ms);
  };

  const settle = (problem: string | null) => {
    if (!inFlight) return;
    inFlight = false;
    if (problem === null) {
      if (backOffMs > 0) log.info({}, 'the controller takes the status again');
      backOffMs = 0;
      schedule(changed ? 0 : everyMs);
      return;
    }
    if (backOffMs === 0) log.warn({ problem }, 'the controller does not take the status');
    backOffMs = Math.min(maxBackOffMs, Math.max(250, backOffMs * 2));
    schedule(backOffMs);
  };

  const push = () => {
    if (inFlight || stopped) return;
    inFlight = true;
    changed = false;
    const body = Buffer.from(JSON.stringify(status()));
    const outgoing = request(
      url,
      {
        method: 'POST',
        agent: connection,
        headers: { 'content-type': 'application/json', 'content-length': body.length },
        signal: AbortSignal.timeout(timeoutMs),
      },
      (incoming) => {
        incoming.resume();
        const code = incoming.statusCode ?? 0;
        incoming.on('end', () => settle(code < 300 ? null : `HTTP status ${code}`));
        incoming.on('error', (error) => settle(error.message));
      },
    );
    outgoing.on('error', (error) => settle(error.message));
    outgoing.end(body);
  };

  push();
  return {
    nudge() {
      changed = true;
      // While the controller is down the back-off stands; a change must not become a flood.
      if (!inFlight && backOffMs === 0) schedule(0);
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      connection.destroy();
    },
  };
}
