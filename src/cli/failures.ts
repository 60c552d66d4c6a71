/** Errors as people and scripts see them: exit codes, words, and never a stack trace. */
import { type ErrorKind, messageOf, PlatformError } from '../lib/errors.ts';
import type { CliEnvironment } from './environment.ts';

export const exitCodes = { done: 0, failed: 1, usage: 2, refused: 3, timedOut: 4, interrupted: 130 } as const;

const exitCodeOf = {
  invalid: exitCodes.usage,
  too_large: exitCodes.usage,
  unauthenticated: exitCodes.refused,
  forbidden: exitCodes.refused,
  conflict: exitCodes.refused,
  refused: exitCodes.refused,
  timeout: exitCodes.timedOut,
  not_found: exitCodes.failed,
  unavailable: exitCodes.failed,
  cancelled: exitCodes.failed,
} satisfies Record<ErrorKind, number>;

/** Ctrl-C: the message says what goes on without us. */
export class Interrupted extends Error {}

/** Shows the error and returns the exit code that belongs to it. */
export function reportFailure(error: unknown, json: boolean, environment: CliEnvironment): number {
  const { stderr, env } = environment;
  const debug = (env.MOORING_DEBUG ?? '') !== '';
  if (error instanceof Interrupted) {
    stderr.write(`\n${error.message}\n`);
    return exitCodes.interrupted;
  }
  const problem =
    error instanceof PlatformError
      ? error
      : new PlatformError('unavailable', `Something unexpected happened: ${messageOf(error)}`, {
          hint: debug ? undefined : 'See the details with MOORING_DEBUG=1, and report them',
          cause: error,
        });
  const { kind, publicMessage, fields } = problem;
  const hint = problem.hint ?? (kind === 'unauthenticated' ? 'Log in with: moor login' : undefined);
  if (json) {
    const said = {
      kind,
      detail: publicMessage,
      ...(hint ? { hint } : {}),
      ...(fields.length ? { fields } : {}),
    };
    // On one line: standard error may hold other lines too.
    stderr.write(`${JSON.stringify(said)}\n`);
  } else {
    const red = stderr.isTTY && !env.NO_COLOR ? '\u001b[31merror:\u001b[39m' : 'error:';
    stderr.write(`${red} ${publicMessage}\n`);
    for (const field of fields) {
      if (field.message !== publicMessage) stderr.write(`  ${field.path}: ${field.message}\n`);
    }
    if (hint) stderr.write(`next:  ${hint}\n`);
  }
  if (debug) stderr.write(`${problem.stack}\ncaused by: ${String((problem.cause as Error)?.stack ?? '-')}\n`);
  return exitCodeOf[kind] ?? exitCodes.failed;
}
