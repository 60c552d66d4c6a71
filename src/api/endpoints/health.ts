import { controllerSeenAt } from '../../store/platform.ts';
import type { Handler } from '../handler.ts';

const controllerSilentAfterMs = 15_000;

/** Answers even when the store does not: that is what it is asked for. */
export const health: Handler<'health'> = async ({ context }) => {
  const platform = { version: context.version, platformId: context.platformId };
  try {
    const seenAt = await controllerSeenAt(context.store.db);
    const alive = seenAt !== null && Date.now() - seenAt.getTime() < controllerSilentAfterMs;
    return { ...platform, store: 'ok', controller: alive ? 'ok' : 'silent' };
  } catch {
    return { ...platform, store: 'unavailable', controller: 'silent' };
  }
};
