/** moor login, moor logout: a token of this person on this computer, made after a password log-in. */
import { hostname, userInfo } from 'node:os';
import type { Command } from 'commander';
import { type Client, createClient } from '../../api/contract/client.ts';
import { PlatformError } from '../../lib/errors.ts';
import { type Context, contextOf } from '../context.ts';
import type { CliEnvironment } from '../environment.ts';
import {
  defaultDataDirectory,
  forgetLogin,
  localAddress,
  plainUrl,
  readLogin,
  writeLogin,
} from '../session.ts';

type Options = { user?: string; passwordStdin?: boolean };

const defaultUrl = 'http://127.0.0.1:7600';

export function addLogin(program: Command, environment: CliEnvironment): void {
  program
    .command('login [url]')
    .description('log in to a platform (not needed on its own host)')
    .option('--user <name>', 'who you are')
    .option('--password-stdin', 'read the password from standard input (a second line sets a new one)')
    .action(async (given: string | undefined, options: Options, self: Command) => {
      const context = contextOf(self, environment);
      const { env } = environment;
      const local = await localAddress(context.options.data ?? env.MOORING_DATA ?? defaultDataDirectory(env));
      const url = plainUrl(given ?? context.options.url ?? env.MOORING_URL ?? local ?? defaultUrl);
      const instead = 'Use: moor login URL --user NAME --password-stdin';
      const user = options.user ?? (await context.ask(`User of ${url}: `, instead)).trim();
      const piped = options.passwordStdin ? (await context.standardInput()).split(/\r?\n/) : undefined;
      const password = piped?.[0] ?? (await context.ask('Password: ', instead, true));

      const session = cookieSession(url);
      let me = await session.client.call('login', { body: { user, password } });
      session.useCsrf(me.csrfToken);
      if (me.mustChangePassword) {
        const newPassword = await askNewPassword(context, piped);
        await session.client.call('changePassword', { body: { currentPassword: password, newPassword } });
        me = await session.client.call('login', { body: { user, password: newPassword } });
        session.useCsrf(me.csrfToken);
      }
      const name = `moor on ${hostname()} by ${userInfo().username}`.slice(0, 60);
      const made = await session.client.call('createToken', { body: { name } });
      await session.client.call('logout').catch(() => {});
      await writeLogin(env, { url, user, token: made.token, tokenId: made.id });
      if (context.output.json) context.output.object({ url, user });
      else context.output.line(`Logged in to ${url} as ${user}`);
    });
}

export function addLogout(program: Command, environment: CliEnvironment): void {
  program
    .command('logout')
    .description('revoke the token of this computer and forget it')
    .action(async (_options: object, self: Command) => {
      const context = contextOf(self, environment);
      const login = await readLogin(environment.env);
      if (login !== undefined) {
        const client = createClient({ baseUrl: login.url, token: () => login.token });
        // A platform that is gone, or has forgotten the token, must not keep us from forgetting it.
        await client.call('deleteToken', { params: { id: login.tokenId } }).catch(() => {});
        await forgetLogin(environment.env);
      }
      if (context.output.json) context.output.object({ loggedOut: login !== undefined });
      else context.output.line(login ? `Logged out of ${login.url}` : 'You were not logged in');
    });
}

async function askNewPassword(context: Context, piped: string[] | undefined): Promise<string> {
  const instead = 'Give the new password as a second line on standard input';
  if (piped !== undefined) {
    if (piped[1]) return piped[1];
    throw new PlatformError('refused', 'The first log-in sets a new password', { hint: instead });
  }
  context.environment.stderr.write('The first log-in sets a new password, of at least 12 characters.\n');
  const first = await context.ask('New password: ', instead, true);
  const second = await context.ask('Again: ', instead, true);
  if (first !== second) throw new PlatformError('invalid', 'The two passwords differ; nothing was changed');
  return first;
}

/** A client that keeps the session's cookies for as long as the log-in takes. */
function cookieSession(url: string): { client: Client; useCsrf(token: string | null): void } {
  const cookies = new Map<string, string>();
  let csrf: string | undefined;
  const client = createClient({
    baseUrl: url,
    csrfToken: () => csrf,
    fetch: async (input, init) => {
      const headers = new Headers(init?.headers);
      if (cookies.size > 0) headers.set('cookie', [...cookies].map(([k, v]) => `${k}=${v}`).join('; '));
      const response = await fetch(input, { ...init, headers });
      for (const line of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (name !== undefined) cookies.set(name, value ?? '');
      }
      return response;
    },
  });
  return {
    client,
    useCsrf(token) {
      csrf = token ?? undefined;
    },
  };
}
