/**
 * The OpenAPI 3.1 document, made from the table of routes alone: no server is needed to write it, and
 * a test compares it with the committed openapi/openapi.json.
 */
import { z } from 'zod';
import { type Route, routes } from './contract/routes.ts';
import * as schemas from './contract/schemas.ts';

type Json = { [key: string]: unknown };

const bodies = new Set(Object.values<Route>(routes).flatMap((route) => route.body ?? []));

export function openapiDocument(): Json {
  const registry = z.registry<{ id: string }>();
  for (const [name, schema] of Object.entries(schemas)) {
    if (schema instanceof z.ZodType) registry.add(schema, { id: name });
  }
  const uri = (id: string) => `#/components/schemas/${id}`;
  const asInput = z.toJSONSchema(registry, { io: 'input', uri }).schemas;
  const asOutput = z.toJSONSchema(registry, { io: 'output', uri }).schemas;
  const components: Json = {};
  for (const [name, schema] of Object.entries(schemas)) {
    if (!(schema instanceof z.ZodType)) continue;
    components[name] = clean((bodies.has(schema) ? asInput : asOutput)[name]);
  }

  /** A reference where the schema has a name, else the schema itself. */
  const describe = (schema: z.ZodType, io: 'input' | 'output'): unknown => {
    const named = registry.get(schema);
    if (named !== undefined) return { $ref: uri(named.id) };
    if (schema instanceof z.ZodArray) {
      return { type: 'array', items: describe(schema.element as z.ZodType, io) };
    }
    return clean(z.toJSONSchema(schema, { io }));
  };

  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries<Route>(routes)) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] ??= {};
    paths[path][route.method.toLowerCase()] = operation(name, route, describe);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Mooring',
      version: '1',
      description:
        'A self-service database cloud that does not lose a committed transaction. ' +
        'Errors are problem details (RFC 9457). A mutating call of a cookie session carries X-CSRF-Token.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: components,
      responses: {
        Problem: {
          description: 'What went wrong, why, and what to do next',
          content: { 'application/problem+json': { schema: { $ref: uri('Problem') } } },
        },
      },
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: 'mooring_session' },
        token: { type: 'http', scheme: 'bearer' },
        feed: { type: 'http', scheme: 'bearer', description: "A cluster's feed token" },
      },
    },
  };
}

function operation(name: string, route: Route, describe: (s: z.ZodType, io: 'input' | 'output') => unknown) {
  const parameters = [...parametersOf('path', route.params), ...parametersOf('query', route.query)];
  return {
    operationId: name,
    summary: route.summary,
    ...(route.access === 'administrator' ? { description: 'For administrators.' } : {}),
    security: {
      public: [],
      feed: [{ feed: [] }],
      user: [{ session: [] }, { token: [] }],
      administrator: [{ session: [] }, { token: [] }],
    }[route.access],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: describe(route.body, 'input') } },
          },
        }),
    responses: {
      [route.status]: success(route, describe),
      default: { $ref: '#/components/responses/Problem' },
    },
  };
}

function success(route: Route, describe: (s: z.ZodType, io: 'input' | 'output') => unknown): Json {
  if (route.stream !== undefined) {
    return {
      description: 'Server-sent events; the data of each is this as JSON',
      content: { 'text/event-stream': { schema: describe(route.stream, 'output') } },
    };
  }
  if (route.response === undefined) return { description: 'Done' };
  return {
    description: route.status === 202 ? 'Accepted; follow the operation' : 'Done',
    content: { 'application/json': { schema: describe(route.response, 'output') } },
  };
}

function parametersOf(where: 'path' | 'query', schema: z.ZodObject | undefined): Json[] {
  if (schema === undefined) return [];
  const json = clean(z.toJSONSchema(schema, { io: 'input' })) as { properties?: Json; required?: string[] };
  return Object.entries(json.properties ?? {}).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || (json.required?.includes(name) ?? false),
    schema: property,
  }));
}

/** Drops what zod adds for a schema that stands alone. */
function clean(schema: unknown): Json {
  const { $schema: _, $id: __, id: ___, ...rest } = schema as Json;
  return rest;
}
