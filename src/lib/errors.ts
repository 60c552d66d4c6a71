/**
 * One error for everything that can go wrong outside a bug.
 *
 * A bug is an assertion and crashes the (supervised) process. Everything else is a PlatformError:
 * a closed kind that API and CLI map to a status and an exit code in one place, a public message
 * that says what happened and what to do next, and internal context that is logged, never shown.
 */

export type ErrorKind =
  | 'invalid' // the request makes no sense as written; correct it
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict' // true now, may be false later: name taken, operation running, stale term
  | 'refused' // understood and possible, but a guard forbids it: quota, topology, resources
  | 'unavailable' // a part that is needed does not answer; try again
  | 'timeout'
  | 'cancelled'
  | 'too_large';

/** The HTTP status by which API and agents answer. */
export const httpStatusOf = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  cancelled: 409,
  too_large: 413,
  refused: 422,
  unavailable: 503,
  timeout: 504,
} as const satisfies Record<ErrorKind, number>;

export type PlatformErrorInit = {
  /** One of the field-level reasons, for a form: path of the field and what is wrong with it. */
  fields?: { path: string; message: string }[];
  /** The next command or action, as a sentence. Kept apart so that the console can show it as a hint. */
  hint?: string;
  /** Internal facts for the log. Never shown to a user, never a secret. */
  context?: Record<string, unknown>;
  cause?: unknown;
};

export class PlatformError extends Error {
  readonly kind: ErrorKind;
  readonly publicMessage: string;
  readonly hint: string | undefined;
  readonly fields: { path: string; message: string }[];
  readonly context: Record<string, unknown>;

  constructor(kind: ErrorKind, publicMessage: string, init: PlatformErrorInit = {}) {
    super(publicMessage, { cause: init.cause });
    this.name = 'PlatformError';
    this.kind = kind;
    this.publicMessage = publicMessage;
    this.hint = init.hint;
    this.fields = init.fields ?? [];
    this.context = init.context ?? {};
  }
}

/** A condition that the code's own logic guarantees; false is a bug. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/** Marks a branch that the types say cannot be reached. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}

/** The message of anything thrown, for logs and for the `cause` part of sentences. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` that Node and database drivers put on their errors (ENOENT, ECONNREFUSED, 23505, ...). */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
