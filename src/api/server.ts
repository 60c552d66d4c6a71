/**
 * The HTTP server: every route of the contract with its handler, the console's files, and around them
 * who may call, what is recorded and how errors look. A request goes
 *   headers -> identify -> guards -> body and validation -> endpoint -> audit -> answer
 * so that nobody unknown makes the server read a body.
 */
import cookie from '@fastify/cookie';
import rateLimit from '@fastify/rate-limit';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { type Actor, bearerOf, identify } from '../auth/actor.ts';
import { mustBeAble } from '../auth/can.ts';
import { PlatformError } from '../lib/errors.ts';
import { isFeedToken, sameSecret } from '../lib/feed-token.ts';
import { newId } from '../lib/ids.ts';
import { recordCall } from './audit-trail.ts';
import { createChangeHub } from './change-hub.ts';
import { serveConsole } from './console-files.ts';
import { type ApiContext, defaultLimits } from './context.ts';
import { type Route, type RouteName, routes } from './contract/routes.ts';
import { handlers } from './endpoints/index.ts';
import type { AuditNote, Services } from './handler.ts';
import { openapiDocument } from './openapi.ts';
import { expectedError, problemOf } from './problems.ts';
import { sessionCookie } from './session-cookie.ts';

declare module 'fastify' {
  interface FastifyRequest {
    actor: Actor | undefined;
    audit: AuditNote | undefined;
    audited: boolean;
    problem: { kind: string; detail: string } | undefined;
  }
}

/** Ready to listen or to inject into. `close()` ends event streams and the store's LISTEN. */
export async function buildApi(context: ApiContext): Promise<FastifyInstance> {
  const limits = { ...defaultLimits, ...context.limits };
  const hub = createChangeHub(context, limits);
  const app = fastify({
    bodyLimit: limits.bodyBytes,
    genReqId: () => newId(),
    logger: false,
    requestTimeout: 60_000,
    forceCloseConnections: true,
    clientErrorHandler: (error, socket) => {
      if (socket.destroyed || !socket.writable) return;
      const problem = problemOf(new PlatformError('invalid', 'This is not HTTP'), newId());
      context.log.debug({ code: error.code }, 'unreadable request');
      const body = JSON.stringify(problem);
      socket.end(
        `HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n` +
          `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
      );
    },
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  acceptOnlyJson(app);
  app.decorateRequest('actor', undefined);
  app.decorateRequest('audit', undefined);
  app.decorateRequest('audited', false);
  app.decorateRequest('problem', undefined);

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders);
    reply.header('x-request-id', request.id);
    if (context.https) reply.header('strict-transport-security', 'max-age=31536000');
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store');
  });
  app.addHook('onResponse', async (request, reply) => {
    context.log.info(
      {
        requestId: request.id,
        method: request.method,
        route: request.routeOptions.url,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        actor: request.actor?.name,
        problem: request.problem?.kind,
      },
      'request',
    );
  });
  app.addHook('preClose', async () => hub.close());
  app.setErrorHandler((error, request, reply) => answerProblem(context, error, request, reply));

  await app.register(cookie);
  await app.register(rateLimit, { global: false });
  const services: Services = { context, limits, hub };
  for (const name of Object.keys(routes) as RouteName[]) registerRoute(app, name, services);
  const document = openapiDocument();
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, async () => document);
  await serveConsole(app, context.consoleDirectory);
  await app.ready();
  return app;
}

/** All that a handler is given, without the types that the contract gives to each one. */
type LooseHandler = (call: Record<string, unknown>) => Promise<unknown>;

function registerRoute(app: FastifyInstance, name: RouteName, services: Services): void {
  const route: Route = routes[name];
  const handler = handlers[name] as unknown as LooseHandler;
  const { context, limits } = services;
  app.route({
    method: route.method,
    url: route.path,
    config:
      name === 'login'
        ? { rateLimit: { max: limits.loginsPerMinute, timeWindow: 60_000 } }
        : { rateLimit: false },
    schema: {
      ...(route.params === undefined ? {} : { params: route.params }),
      ...(route.query === undefined ? {} : { querystring: route.query }),
      ...(route.body === undefined ? {} : { body: route.body }),
      ...(route.response === undefined ? {} : { response: { [route.status]: route.response } }),
    },
    onRequest: async (request) => {
      request.audit = { actor: 'unknown', object: defaultObject(request.url), details: {} };
      await admit(context, name, route, request);
    },
    onSend: async (request) => {
      await recordCall(context, name, route, request);
    },
    handler: async (request, reply) => {
      const answer = await handler({
        ...services,
        actor: request.actor,
        params: request.params,
        query: request.query,
        body: request.body,
        audit: request.audit,
        request,
        reply,
      });
      if (reply.sent) return reply;
      return reply.code(route.status).send(route.response === undefined ? undefined : answer);
    },
  });
}

const whilePasswordMustChange = new Set<RouteName>(['me', 'changePassword', 'logout']);

/** Throws unless this caller may come as far as the endpoint. What it may touch is the endpoint's matter. */
async function admit(
  context: ApiContext,
  name: RouteName,
  route: Route,
  request: FastifyRequest,
): Promise<void> {
  if (route.access === 'public') return;
  if (route.access === 'feed') {
    const presented = bearerOf(request.headers.authorization);
    const { id } = request.params as { id: string };
    if (presented !== undefined && isFeedToken(context.platformKey, id, presented)) return;
    throw new PlatformError('unauthenticated', 'This feed needs the feed token of its cluster');
  }
  const actor = await identify(context.store.db, context.cliToken, {
    cookie: request.cookies[sessionCookie],
    authorization: request.headers.authorization,
  });
  request.actor = actor;
  if (request.audit !== undefined) request.audit.actor = actor.name;
  if (actor.session !== null && route.method !== 'GET') {
    const presented = request.headers['x-csrf-token'];
    if (typeof presented !== 'string' || !sameSecret(actor.session.csrfToken, presented)) {
      throw new PlatformError('forbidden', 'The CSRF token is missing or wrong', {
        hint: 'Load the page again; scripts use an API token instead of a cookie',
      });
    }
  }
  if (actor.mustChangePassword && !whilePasswordMustChange.has(name)) {
    throw new PlatformError('forbidden', 'Set a password of your own first', {
      hint: 'The initial password is only for the first log-in; set a new one in the console or with: moor login',
    });
  }
  if (route.access === 'administrator') mustBeAble(actor, 'user.manage', 'platform');
}

function answerProblem(
  context: ApiContext,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const expected = expectedError(error);
  const problem = problemOf(expected, request.id);
  if ((error as { statusCode?: number } | null)?.statusCode === 429) problem.status = 429;
  const facts = { requestId: request.id, route: request.routeOptions.url, err: error, ...expected?.context };
  if (expected === undefined) context.log.error(facts, 'unexpected error in a request');
  else if (problem.status >= 500) context.log.warn(facts, expected.publicMessage);
  // Closing at once would reset the connection before the client has read why. The rest of the body is
  // read and thrown away instead, for as long as requestTimeout allows.
  if (problem.kind === 'too_large') reply.removeHeader('connection');
  if (problem.status === 503) reply.header('retry-after', '5');
  request.problem = { kind: problem.kind, detail: problem.detail };
  return reply.code(problem.status).type('application/problem+json').serializer(JSON.stringify).send(problem);
}

/** Bodies are JSON or nothing: no text, no forms, so that no other page can send one unasked. */
function acceptOnlyJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else parse(request, body, done);
  });
}

/** What a call is about until its endpoint says it better: the path after /api/v1/. */
function defaultObject(url: string): string {
  return (url.split('?')[0] ?? '').replace(/^\/api\/v1\//, '').slice(0, 200);
}

// Ant Design puts its styles into the page at run time, hence 'unsafe-inline' for styles alone.
const securityHeaders = {
  'content-security-policy':
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
    "font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; " +
    "frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
} as const;
