/** What one endpoint is: a function from a checked call to what the route promises to answer. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Actor } from '../auth/actor.ts';
import type { ChangeHub } from './change-hub.ts';
import type { ApiContext, ApiLimits } from './context.ts';
import type { RouteName, routes } from './contract/routes.ts';

type Routes = typeof routes;
type Part<R, K extends string> = R extends { [P in K]: infer S extends z.ZodType } ? z.output<S> : undefined;
type Answer<R> = R extends { response: infer S extends z.ZodType } ? z.input<S> : undefined;
type Who<R> = R extends { access: 'public' | 'feed' } ? undefined : Actor;

/** The line that a call leaves in the audit trail. Handlers name the object; never a secret here. */
export type AuditNote = { actor: string; object: string; details: Record<string, unknown> };

export type Services = { context: ApiContext; limits: ApiLimits; hub: ChangeHub };

export type Call<N extends RouteName> = Services & {
  /** Undefined on routes that need no log-in. */
  actor: Who<Routes[N]>;
  params: Part<Routes[N], 'params'>;
  query: Part<Routes[N], 'query'>;
  body: Part<Routes[N], 'body'>;
  audit: AuditNote;
  request: FastifyRequest;
  reply: FastifyReply;
};

/** Handlers of event streams answer on `reply` themselves and return undefined. */
export type Handler<N extends RouteName> = (call: Call<N>) => Promise<Answer<Routes[N]>>;
