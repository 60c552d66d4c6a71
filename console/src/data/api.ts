/** The one client of the console, and the queries of its pages. */
import { QueryCache, QueryClient, queryOptions } from '@tanstack/react-query';
import { createClient, PlatformError } from '../../../src/api/contract/client.ts';
import type { Me } from '../../../src/api/contract/schemas.ts';

export const meKey = ['me'] as const;

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: (error) => noticeExpiry(error) }),
  defaultOptions: {
    queries: {
      // The stream of changes tells when something is old; polling is the exception.
      staleTime: 15_000,
      networkMode: 'always',
      retry: (failures, error) =>
        failures < 2 && error instanceof PlatformError && error.kind === 'unavailable',
    },
    mutations: { networkMode: 'always', onError: (error) => noticeExpiry(error) },
  },
});

export const client = createClient({
  baseUrl: '',
  csrfToken: () => queryClient.getQueryData<Me | null>(meKey)?.csrfToken ?? undefined,
});

/** An expired session shows the log-in form in place; the address stays, so that one returns to it. */
export function noticeExpiry(error: unknown): void {
  if (error instanceof PlatformError && error.kind === 'unauthenticated')
    queryClient.setQueryData(meKey, null);
}

/** Another person, or nobody: what the one before has seen is dropped. */
export function becomeUser(me: Me | null): void {
  queryClient.setQueryData(meKey, me);
  queryClient.removeQueries({ predicate: (query) => query.queryKey[0] !== meKey[0] });
}

export const meQuery = queryOptions({
  queryKey: meKey,
  staleTime: Number.POSITIVE_INFINITY,
  queryFn: async ({ signal }): Promise<Me | null> => {
    try {
      return await client.call('me', { signal });
    } catch (error) {
      if (error instanceof PlatformError && error.kind === 'unauthenticated') return null;
      throw error;
    }
  },
  retry: true,
  retryDelay: (attempt) => Math.min(500 * 2 ** attempt, 5_000),
});

export const catalogueQuery = queryOptions({
  queryKey: ['catalogue'],
  queryFn: ({ signal }) => client.call('catalogue', { signal }),
});

export const clustersQuery = (deleted: boolean) =>
  queryOptions({
    queryKey: ['clusters', deleted],
    queryFn: ({ signal }) =>
      client.call('listClusters', { query: { deleted: deleted ? 'true' : 'false' }, signal }),
  });

export const clusterQuery = (name: string) =>
  queryOptions({
    queryKey: ['cluster', name],
    queryFn: ({ signal }) => client.call('getCluster', { params: { name }, signal }),
  });

export const eventsQuery = (name: string, limit: number) =>
  queryOptions({
    queryKey: ['events', name, limit],
    queryFn: ({ signal }) => client.call('listEvents', { params: { name }, query: { limit }, signal }),
  });

export const operationsQuery = (cluster?: string, limit = 100) =>
  queryOptions({
    queryKey: ['operations', cluster ?? 'all', limit],
    queryFn: ({ signal }) => client.call('listOperations', { query: { limit, cluster }, signal }),
  });

export const infrastructureQuery = queryOptions({
  queryKey: ['infrastructure'],
  queryFn: ({ signal }) => client.call('infrastructure', { signal }),
});

export const teamsQuery = queryOptions({
  queryKey: ['teams'],
  queryFn: ({ signal }) => client.call('listTeams', { signal }),
});

export const usersQuery = queryOptions({
  queryKey: ['users'],
  queryFn: ({ signal }) => client.call('listUsers', { signal }),
});

export const tokensQuery = queryOptions({
  queryKey: ['tokens'],
  queryFn: ({ signal }) => client.call('listTokens', { signal }),
});
