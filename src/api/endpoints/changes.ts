import { identify } from '../../auth/actor.ts';
import { PlatformError } from '../../lib/errors.ts';
import type { Handler } from '../handler.ts';
import { sessionCookie } from '../session-cookie.ts';
import { openEventStream } from '../sse.ts';

/** At each heartbeat the caller is identified anew: an ended session ends the stream, new rights count. */
export const changes: Handler<'changes'> = async ({ context, limits, hub, actor, request, reply }) => {
  let current = actor;
  await hub.ready();
  const stream = openEventStream(reply, {
    bufferBytes: limits.streamBufferBytes,
    heartbeatMs: limits.heartbeatMs,
    stillWanted: async () => {
      try {
        current = await identify(context.store.db, context.cliToken, {
          cookie: request.cookies[sessionCookie],
          authorization: request.headers.authorization,
        });
        return true;
      } catch (error) {
        if (error instanceof PlatformError && error.kind === 'unauthenticated') return false;
        throw error;
      }
    },
  });
  hub.follow(stream, () => current);
  return undefined;
};
