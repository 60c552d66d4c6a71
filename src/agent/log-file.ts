/**
 * The agent's log: one JSON object per line in log/agent.log, at most two files of a few MiB.
 *
 * Not pino, which costs an agent a worker or ten megabytes. Lines that a disk does not take are dropped
 * and counted.
 */
import type { Log } from '../lib/log.ts';
import { openLineFile } from '../os/line-file.ts';

export type LogFile = { log: Log; flush(): Promise<void> };

const maxFileBytes = 4 * 1024 * 1024;

export function openLogFile(path: string, base: Record<string, unknown>): LogFile {
  const file = openLineFile(path, maxFileBytes);
  let dropped = 0;

  function write(level: string, facts: object, message: string, bound: Record<string, unknown>): void {
    const lost = dropped > 0 ? { linesDropped: dropped } : {};
    const text = line({ time: new Date().toISOString(), level, ...bound, ...facts, ...lost, msg: message });
    dropped = file.write(`${text}\n`) ? 0 : dropped + 1;
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
    flush: () => file.flush(),
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
