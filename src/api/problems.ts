/**
 * Every error becomes problem details (RFC 9457) here and nowhere else. What is expected keeps its
 * message and hint; what is not is answered with an id to look for in the log, and nothing else.
 */
import type { FastifyError } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { codeOf, type ErrorKind, httpStatusOf, messageOf, PlatformError } from '../lib/errors.ts';
import type { Problem } from './contract/schemas.ts';

const titles = {
  invalid: 'The request is not valid',
  unauthenticated: 'Not logged in',
  forbidden: 'Not allowed',
  not_found: 'Not found',
  conflict: 'In conflict with the present state',
  cancelled: 'Cancelled',
  too_large: 'The request is too large',
  refused: 'Refused',
  unavailable: 'Not available right now',
  timeout: 'Took too long',
} as const satisfies Record<ErrorKind, string>;

/** Undefined for what nobody expected: a bug, to be logged with its stack and answered with 500. */
export function expectedError(error: unknown): PlatformError | undefined {
  if (error instanceof PlatformError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) return validationError(error);
  if (isStoreDown(error)) {
    return new PlatformError('unavailable', "The platform's store does not answer", {
      hint: 'Try again in a few seconds; databases keep serving meanwhile. See: moor doctor',
      cause: error,
    });
  }
  return requestError(error);
}

export function problemOf(error: PlatformError | undefined, requestId: string): Problem {
  if (error === undefined) {
    return {
      type: 'about:blank',
      title: 'Something went wrong inside the platform',
      status: 500,
      detail: 'Something went wrong inside the platform. Nothing more is known about the outcome',
      kind: 'internal',
      hint: `Look whether the change happened, then try again. The log has the cause under ${requestId}`,
      requestId,
    };
  }
  return {
    type: 'about:blank',
    title: titles[error.kind],
    status: httpStatusOf[error.kind],
    detail: error.publicMessage,
    kind: error.kind,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.fields.length === 0 ? {} : { fields: error.fields }),
    requestId,
  };
}

type Validation = { validation: { instancePath: string; message?: string }[]; validationContext?: string };

function validationError(error: Validation): PlatformError {
  const fields = error.validation.map((one) => ({
    path: one.instancePath.replace(/^\//, '').replaceAll('/', '.'),
    message: one.message ?? 'not valid',
  }));
  const [first] = fields;
  const where = first === undefined || first.path === '' ? 'the request' : `"${first.path}"`;
  return new PlatformError('invalid', `${where}: ${first?.message ?? 'not valid'}`, {
    fields,
    hint: 'The shapes of all requests are in /api/v1/openapi.json',
    context: { part: error.validationContext },
  });
}

/** Errors of HTTP layer and values, by their code; without internals of parser, framework or store. */
function requestError(error: unknown): PlatformError | undefined {
  switch (codeOf(error)) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new PlatformError('too_large', 'The request body is larger than 1 MiB', {
        hint: 'No call of this API needs that much; databases are filled through their endpoint',
        cause: error,
      });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new PlatformError('invalid', 'The request body is not JSON', {
        hint: 'Send "content-type: application/json"',
        cause: error,
      });
    // PostgreSQL: text with a NUL, a number out of range, an id that is none.
    case '22021':
    case '22P05':
    case '22P02':
    case '22003':
      return new PlatformError('invalid', 'A value in the request contains what no value may contain', {
        cause: error,
      });
    case '53100':
      return new PlatformError('unavailable', "The disk of the platform's store is full", {
        hint: 'Free space on the disk of the data directory; databases keep serving meanwhile. See: moor doctor',
        cause: error,
      });
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new PlatformError('invalid', 'The request body is not valid JSON', { cause: error });
  }
  const status = (error as FastifyError | null)?.statusCode;
  if (status === 429) {
    return new PlatformError('refused', 'Too many requests from this address', {
      hint: 'Wait a minute and try again',
      cause: error,
    });
  }
  if (error instanceof SyntaxError || (status !== undefined && status >= 400 && status < 500)) {
    return new PlatformError('invalid', 'The request could not be read', { cause: error });
  }
  return undefined;
}

const storeDownCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  '53300', // too many connections
  '57P01', // terminated by administrator
  '57P02', // crash shutdown
  '57P03', // starting up
]);

/** Connection errors of pg, which has no class for them. */
function isStoreDown(error: unknown): boolean {
  const code = codeOf(error);
  if (code !== undefined) {
    const fromSocket = (error as { syscall?: string }).syscall;
    if (code.startsWith('08')) return true;
    return storeDownCodes.has(code) && (fromSocket === undefined || /connect|read|write/.test(fromSocket));
  }
  return /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed)/.test(
    messageOf(error),
  );
}
