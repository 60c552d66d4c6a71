/**
 * The console's files. Names with a hash never change and are kept for a year; the page itself is
 * asked for each time. Every path that is no file is the page, whose router knows what to show.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { PlatformError } from '../lib/errors.ts';

export async function serveConsole(app: FastifyInstance, directory: string | undefined): Promise<void> {
  const built = directory !== undefined && existsSync(join(directory, 'index.html'));
  if (built) {
    await app.register(fastifyStatic, {
      root: directory,
      cacheControl: false,
      setHeaders: (reply, path) => {
        reply.header(
          'cache-control',
          path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
        );
      },
    });
  }
  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split('?')[0] ?? '/';
    const read = request.method === 'GET' || request.method === 'HEAD';
    const page = read && !path.startsWith('/api/') && !/\.\w+$/.test(path);
    if (page && built) return reply.sendFile('index.html');
    if (page) {
      throw new PlatformError('not_found', 'The console is not built here', {
        hint: 'Build it with: npm run build --workspace console; the API is under /api/v1',
      });
    }
    throw new PlatformError('not_found', `There is nothing at ${request.method} ${path.slice(0, 200)}`, {
      hint: 'All calls are in /api/v1/openapi.json',
    });
  });
}
