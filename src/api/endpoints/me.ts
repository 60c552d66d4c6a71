import type { Actor } from '../../auth/actor.ts';
import type { Me } from '../contract/schemas.ts';
import type { Handler } from '../handler.ts';

export const me: Handler<'me'> = async ({ actor }) => meView(actor);

export function meView(actor: Actor): Me {
  return {
    user: actor.name,
    administrator: actor.administrator,
    mustChangePassword: actor.mustChangePassword,
    teams: actor.teams.map(({ name, role }) => ({ name, role })),
    csrfToken: actor.session?.csrfToken ?? null,
  };
}
