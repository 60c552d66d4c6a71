/**
 * A log file that lines are appended to, at most two files of a bounded size.
 *
 * Lines are written one batch at a time without waiting, so that a disk that hangs or is full delays
 * the log and nothing else; what does not fit into the queue meanwhile is dropped.
 */
import { appendFileSync } from 'node:fs';
import { appendFile, rename, stat } from 'node:fs/promises';

export type LineFile = {
  /** A line with its line break; false when it had to be dropped. */
  write(line: string): boolean;
  /** Resolves when what was given so far is written, or could not be. */
  flush(): Promise<void>;
  /** One attempt, for the moment in which the process ends. */
  flushSync(): void;
};

const maxQueuedLines = 2000;

export function openLineFile(path: string, maxBytes: number): LineFile {
  let queue: string[] = [];
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
      if (written + batch.length > maxBytes) {
        await rename(path, `${path}.1`).catch(() => {});
        written = 0;
      }
      // A full disk must not end whoever writes a log; the lines are lost.
      const isWritten = await appendFile(path, batch, { mode: 0o600 }).then(
        () => true,
        () => false,
      );
      if (isWritten) written += batch.length;
    }
    writing = undefined;
  }

  return {
    write(line) {
      if (queue.length >= maxQueuedLines) return false;
      queue.push(line);
      writing ??= drain();
      return true;
    },
    async flush() {
      while (writing) await writing;
    },
    flushSync() {
      const rest = queue.join('');
      queue = [];
      try {
        if (rest !== '') appendFileSync(path, rest, { mode: 0o600 });
      } catch {
        // The process ends; nobody could be told.
      }
    },
  };
}
