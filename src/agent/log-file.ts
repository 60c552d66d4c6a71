/**
 * The agent's log: one JSON object per line in log/agent.log, at most two files of a few MiB.
 *
 * Not pino, which costs an agent a worker or ten megabytes. Lines are written one batch at a time
 * without waiting, so that a disk that hangs delays the log and nothing else; what does not fit into
 * the queue meanwhile is dropped and counted.
 */
import { appendFile, rename, stat } from 'node:fs/promises';
import type { Log } from '../lib/log.ts';

export type LogFile = { log: Log; flush(): Promise<void> };

const maxFileBytes = 4 * 1024 * 1024;
const maxQueuedLines = 2000;

export function openLogFile(path: string, base: Record<string, unknown>): LogFile {
  let queue: string[] = [];
  let dropped = 0;
  let written: number | undefined;
  let writing: Promise<void> | undefined;

  async function drain(): Promise<void> {
    written ??= await stat(path).then(
      (found) => found.size,
      () => 0,
    );
    while (queue.length > 0) {
      const batch = queue.join('');
      queue = [];
      if (written + batch.length > maxFileBytes) {
        await rename(path, `${path}.1`).catch(() => {});
        written = 0;
      }
      // A full disk must not end the agent; the status still says what matters.
      await appendFile(path, batch, { mode: 0o600 }).catch(() => {});
      written += batch.length;
    }
    writing = undefined;
  }

  function write(level: string, facts: object, message: string, bound: Record<string, unknown>): void {
    if (queue.length >= maxQueuedLines) {
      dropped += 1;
      return;
    }
    const lost = dropped > 0 ? { linesDropped: dropped } : {};
    dropped = 0;
    queue.push(
      `${line({ time: new Date().toISOString(), level, ...bound, ...facts, ...lost, msg: message })}\n`,
    );
    writing ??= drain();
  }

  const logWith = (bound: Record<string, unknown>): Log => ({
    debug() {},
    info: (facts, message) => write('info', facts, message, bound),
    warn: (facts, message) => write('warn', facts, message, bound),
    error: (facts, message) => write('error', facts, message, bound),
    child: (facts) => logWith({ ...bound, ...facts }),
  });

  return {
    log: logWith(base),
    async flush() {
      while (writing) await writing;
    },
  };
}

function line(facts: object): string {
  try {
    return JSON.stringify(facts, (_key, value: unknown) =>
      value instanceof Error
        ? { message: value.message, code: (value as { code?: unknown }).code, stack: value.stack }
        : typeof value === 'bigint'
          ? value.toString()
          : value,
    );
  } catch {
    return JSON.stringify({ level: 'error', msg: 'a log line could not be written as JSON' });
  }
}
