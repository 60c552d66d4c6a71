/** What the CLI needs of the world around it, so that tests can hand in another one. */
import type { Readable, Writable } from 'node:stream';

export type Terminal = Writable & { isTTY?: boolean; columns?: number };

export type CliEnvironment = {
  env: Record<string, string | undefined>;
  stdin: Readable & { isTTY?: boolean };
  stdout: Terminal;
  stderr: Terminal;
  /** Calls back on Ctrl-C until the returned function is called. */
  onInterrupt(handler: () => void): () => void;
};

export function processEnvironment(): CliEnvironment {
  return {
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    onInterrupt(handler) {
      process.on('SIGINT', handler);
      return () => process.off('SIGINT', handler);
    },
  };
}
