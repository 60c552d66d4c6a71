/**
 * A typed client made from the table of routes; for CLI, console and forwarder alike. Uses nothing
 * but `fetch`, so that it runs in a browser and in Node.
 */
import type { z } from 'zod';
import { type ErrorKind, PlatformError } from '../../lib/errors.ts';
import { type RouteName, routes } from './routes.ts';
import type { Problem } from './schemas.ts';

export { PlatformError };

type Routes = typeof routes;
type Part<R, K extends string> = R extends { [P in K]: infer S extends z.ZodType } ? z.input<S> : undefined;
type Output<R> = R extends { response: infer S extends z.ZodType } ? z.output<S> : undefined;
type Streamed<R> = R extends { stream: infer S extends z.ZodType } ? z.output<S> : never;

type Optionally<K extends string, T> = [T] extends [undefined]
  ? { [P in K]?: undefined }
  : Record<string, never> extends T
    ? { [P in K]?: T }
    : { [P in K]: T };

export type CallInput<N extends RouteName> = Optionally<'params', Part<Routes[N], 'params'>> &
  Optionally<'query', Part<Routes[N], 'query'>> &
  Optionally<'body', Part<Routes[N], 'body'>>;

export type CallOutput<N extends RouteName> = Output<Routes[N]>;

export type ClientOptions = {
  /** Like http://127.0.0.1:7600; empty for the page's own origin. */
  baseUrl: string;
  /** Bearer token, or the CSRF token of a cookie session. Read at each call. */
  token?: () => string | undefined;
  csrfToken?: () => string | undefined;
  fetch?: typeof fetch;
};

export type Client = {
  /** Throws PlatformError with the server's kind, message and hint. */
  call<N extends RouteName>(name: N, input?: CallInput<N> & { signal?: AbortSignal }): Promise<CallOutput<N>>;
  /** Yields the data of each server-sent event until the stream or the signal ends. */
  stream<N extends 'changes' | 'topology'>(
    name: N,
    input: CallInput<N> & { signal: AbortSignal },
  ): AsyncGenerator<Streamed<Routes[N]>>;
};

type LooseInput = {
  params?: Record<string, unknown>;
  query?: Record<string, unknown>;
  body?: unknown;
  signal?: AbortSignal;
};

export function createClient(options: ClientOptions): Client {
  const send = async (name: RouteName, input: LooseInput, accept: string): Promise<Response> => {
    const route = routes[name];
    const path = route.path.replace(/:(\w+)/g, (_, key: string) =>
      encodeURIComponent(String(input.params?.[key])),
    );
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(input.query ?? {})) {
      if (value !== undefined) query.set(key, String(value));
    }
    const headers: Record<string, string> = { accept };
    const token = options.token?.();
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    const csrf = options.csrfToken?.();
    if (csrf !== undefined && route.method !== 'GET') headers['x-csrf-token'] = csrf;
    if (input.body !== undefined) headers['content-type'] = 'application/json';
    const url = `${options.baseUrl}${path}${query.size > 0 ? `?${query}` : ''}`;
    let response: Response;
    try {
      response = await (options.fetch ?? fetch)(url, {
        method: route.method,
        headers,
        body: input.body === undefined ? undefined : JSON.stringify(input.body),
        signal: input.signal,
      });
    } catch (cause) {
      if (input.signal?.aborted) throw cause;
      throw new PlatformError(
        'unavailable',
        `The platform does not answer at ${options.baseUrl || 'this address'}`,
        {
          hint: 'Start it with: moor up',
          cause,
        },
      );
    }
    if (!response.ok) throw await problemOf(response);
    return response;
  };

  return {
    async call(name, input) {
      const response = await send(name, (input ?? {}) as LooseInput, 'application/json');
      return (response.status === 204 ? undefined : await response.json()) as CallOutput<typeof name>;
    },
    async *stream(name, input) {
      const response = await send(name, input as LooseInput, 'text/event-stream');
      if (response.body === null) return;
      try {
        yield* eventsOf(response.body);
      } catch (cause) {
        if (input.signal.aborted) throw cause;
        throw new PlatformError('unavailable', 'The stream of changes broke off', {
          hint: 'Connect again; the platform may be restarting',
          cause,
        });
      }
    },
  };
}

async function problemOf(response: Response): Promise<PlatformError> {
  const text = await response.text();
  try {
    const problem = JSON.parse(text) as Problem;
    // "internal" and whatever a newer server may say: something there did not work.
    const kind = isErrorKind(problem.kind) ? problem.kind : 'unavailable';
    return new PlatformError(kind, problem.detail, {
      hint: problem.hint,
      fields: problem.fields,
      context: { status: response.status, requestId: problem.requestId },
    });
  } catch {
    return new PlatformError('unavailable', `Answered ${response.status} without a problem description`, {
      context: { status: response.status, body: text.slice(0, 500) },
    });
  }
}

const errorKinds = {
  invalid: true,
  unauthenticated: true,
  forbidden: true,
  not_found: true,
  conflict: true,
  refused: true,
  unavailable: true,
  timeout: true,
  cancelled: true,
  too_large: true,
} as const satisfies Record<ErrorKind, true>;

function isErrorKind(kind: string): kind is ErrorKind {
  return Object.hasOwn(errorKinds, kind);
}

/** Server-sent events, the part of the format that our server uses: `data:` lines and comments. */
async function* eventsOf<T>(body: ReadableStream<Uint8Array>): AsyncGenerator<T> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      let end = rest.indexOf('\n\n');
      while (end >= 0) {
        const block = rest.slice(0, end);
        rest = rest.slice(end + 2);
        end = rest.indexOf('\n\n');
        const data = block
          .split('\n')
          .filter((line) => line.startsWith('data:'))
          .map((line) => line.slice(5).trimStart())
          .join('\n');
        if (data !== '') yield JSON.parse(data) as T;
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
