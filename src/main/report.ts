/** How an error ends a command on this machine: what happened, what to do, and an exit code. */
import { type ErrorKind, messageOf, PlatformError } from '../lib/errors.ts';

/** 0 done, 1 failed, 2 usage, 3 refused, 4 timed out. */
const exitCodes: Record<ErrorKind, number> = {
  invalid: 2,
  unauthenticated: 1,
  forbidden: 3,
  not_found: 1,
  conflict: 3,
  refused: 3,
  unavailable: 1,
  timeout: 4,
  cancelled: 1,
  too_large: 3,
};

export function reportError(error: unknown, json = false): number {
  if (error instanceof PlatformError) {
    const { kind, publicMessage: message, hint } = error;
    if (json) process.stdout.write(`${JSON.stringify({ error: { kind, message, hint } })}\n`);
    else process.stderr.write(`moor: ${message}\n${hint === undefined ? '' : `      ${hint}\n`}`);
    return exitCodes[kind];
  }
  // A bug. Its trace helps whoever repairs it and nobody else.
  const trace = error instanceof Error && process.env.MOORING_DEBUG ? `\n${error.stack}` : '';
  process.stderr.write(
    `moor: something went wrong that should not: ${messageOf(error)}${trace}\n      Set MOORING_DEBUG=1 and run it again for details.\n`,
  );
  return 1;
}
