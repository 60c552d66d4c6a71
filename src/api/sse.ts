/**
 * Server-sent events with bounded memory: what a client does not read piles up in the socket's buffer,
 * and a client that lets it grow beyond the limit is disconnected. It will come back and read afresh.
 */
import type { FastifyReply } from 'fastify';

export type EventStream = {
  readonly open: boolean;
  send(data: unknown): void;
  close(): void;
  /** Runs once, however the stream ends. */
  onEnd(callback: () => void): void;
};

export type EventStreamOptions = {
  bufferBytes: number;
  heartbeatMs: number;
  /** Called at each heartbeat: false ends the stream (session over, rights changed). */
  stillWanted?: () => Promise<boolean>;
};

export function openEventStream(reply: FastifyReply, options: EventStreamOptions): EventStream {
  reply.hijack();
  const { raw } = reply;
  const headers = Object.fromEntries(
    Object.entries(reply.getHeaders()).filter(([, value]) => value !== undefined),
  );
  raw.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    connection: 'keep-alive',
    'x-accel-buffering': 'no',
  });

  const endings: (() => void)[] = [];
  let open = true;
  const end = () => {
    if (!open) return;
    open = false;
    clearInterval(heartbeat);
    for (const ending of endings) ending();
  };
  const write = (text: string) => {
    if (!open) return;
    raw.write(text);
    if (raw.writableLength > options.bufferBytes) {
      end();
      raw.destroy();
    }
  };
  const heartbeat = setInterval(() => {
    write(': still here\n\n');
    options.stillWanted?.().then(
      (wanted) => wanted || stream.close(),
      // The store does not answer now; the next heartbeat asks again.
      () => {},
    );
  }, options.heartbeatMs);
  raw.on('close', end);
  raw.on('error', end);

  const stream: EventStream = {
    get open() {
      return open;
    },
    send: (data) => write(`data: ${JSON.stringify(data)}\n\n`),
    close: () => {
      end();
      raw.end();
    },
    onEnd: (callback) => {
      if (open) endings.push(callback);
      else callback();
    },
  };
  write(': connected\n\n');
  return stream;
}
