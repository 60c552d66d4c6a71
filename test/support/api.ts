/** An API over a real store for tests: people with sessions, and requests as they would send them. */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance, InjectOptions } from 'fastify';
import type { ApiContext } from '../../src/api/context.ts';
import { buildApi } from '../../src/api/server.ts';
import { hashPassword } from '../../src/auth/passwords.ts';
import type { Host } from '../../src/domain/hosts.ts';
import { defaultQuota } from '../../src/domain/quota.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { newId } from '../../src/lib/ids.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createSubmissions } from '../../src/operations/submissions.ts';
import { insertTeam, setMember, type TeamRole } from '../../src/store/teams.ts';
import { insertUser } from '../../src/store/users.ts';
import { createVault, type Vault } from '../../src/store/vault.ts';
import { type TestStore, testStore } from './store.ts';

export const cliToken = 'moor_cli_token_for_tests';
export const testPassword = 'correct horse battery';

export type Answer = {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any;
  headers: Record<string, unknown>;
  cookie: string | undefined;
};
export type Person = { cookie: string; csrf: string };

export type TestApi = AsyncDisposable & {
  app: FastifyInstance;
  store: TestStore;
  vault: Vault;
  context: ApiContext;
  /** As the command line on the platform's host. */
  local(method: InjectOptions['method'], url: string, body?: unknown): Promise<Answer>;
  /** As somebody who logged in. */
  as(person: Person, method: InjectOptions['method'], url: string, body?: unknown): Promise<Answer>;
  send(options: InjectOptions): Promise<Answer>;
  addPerson(name: string, roles?: Record<string, TeamRole>, administrator?: boolean): Promise<Person>;
  addTeam(name: string): Promise<string>;
};

export async function testApi(overrides: Partial<ApiContext> = {}): Promise<TestApi> {
  const store = await testStore();
  const vault = createVault(randomBytes(32));
  const context: ApiContext = {
    log: silentLog,
    store,
    vault,
    submissions: createSubmissions({ store, vault, clock: systemClock, capacity }),
    version: '0.0.0-test',
    platformId: newId(),
    cliToken,
    platformKey: Buffer.alloc(32, 7),
    caPem: '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n',
    consoleDirectory: undefined,
    https: false,
    hosts,
    capacity,
    enforcement: async () => [{ resource: 'memory', enforced: false, how: 'no cgroups in tests' }],
    clientDirectory: async () => '/packs/bin',
    ...overrides,
  };
  const app = await buildApi(context);
  const teams = new Map<string, string>();

  const send = async (options: InjectOptions): Promise<Answer> => {
    const response = await app.inject(options);
    const cookie = response.cookies.find((one) => one.name === 'mooring_session')?.value;
    let body: unknown = response.body;
    try {
      body = JSON.parse(response.body);
    } catch {}
    return { status: response.statusCode, body, headers: response.headers, cookie };
  };
  const api: TestApi = {
    app,
    store,
    vault,
    context,
    send,
    local: (method, url, body) =>
      send({ method, url, headers: { authorization: `Bearer ${cliToken}` }, payload: body as object }),
    as: (person, method, url, body) =>
      send({
        method,
        url,
        cookies: { mooring_session: person.cookie },
        headers: { 'x-csrf-token': person.csrf },
        payload: body as object,
      }),
    async addTeam(name) {
      const { id } = await insertTeam(store.db, name, defaultQuota);
      teams.set(name, id);
      return id;
    },
    async addPerson(name, roles = {}, administrator = false) {
      passwordHash ??= hashPassword(testPassword);
      const user = await insertUser(store.db, {
        name,
        passwordHash: await passwordHash,
        administrator,
        mustChangePassword: false,
      });
      for (const [team, role] of Object.entries(roles)) {
        await setMember(store.db, teams.get(team) ?? (await api.addTeam(team)), user.id, role);
      }
      const answer = await send({
        method: 'POST',
        url: '/api/v1/session',
        payload: { user: name, password: testPassword },
      });
      return { cookie: answer.cookie ?? '', csrf: answer.body.csrfToken };
    },
    [Symbol.asyncDispose]: async () => {
      await app.close();
      await store.close();
    },
  };
  return api;
}

const capacity = async () => hosts.map((host) => ({ host, memoryFreeMb: 4096, diskFreeGb: 100 }));

let passwordHash: Promise<string> | undefined;

const hosts: Host[] = ['a', 'b', 'c'].flatMap((zone, index) =>
  [1, 2].map((n) => ({
    id: `${zone}${n}`,
    zone,
    region: 'local',
    address: `127.20.${index + 1}.${n}`,
  })),
);
