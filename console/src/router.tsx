/** Addresses of the console. Each page is its own chunk. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { CrashPage, NotFoundPage } from './pages/not-found.tsx';
import { Shell } from './parts/shell.tsx';

const root = createRootRoute({ component: Shell, notFoundComponent: () => <NotFoundPage /> });

const routes = [
  createRoute({
    getParentRoute: () => root,
    path: '/',
    beforeLoad: () => {
      throw redirect({ to: '/clusters', replace: true });
    },
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/clusters',
    component: lazyRouteComponent(() => import('./pages/clusters.tsx'), 'ClustersPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/clusters/new',
    component: lazyRouteComponent(() => import('./pages/create/create.tsx'), 'CreatePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/clusters/$name',
    component: lazyRouteComponent(() => import('./pages/cluster/cluster.tsx'), 'ClusterPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/operations',
    component: lazyRouteComponent(() => import('./pages/operations.tsx'), 'OperationsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/infrastructure',
    component: lazyRouteComponent(() => import('./pages/infrastructure.tsx'), 'InfrastructurePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/audit',
    component: lazyRouteComponent(() => import('./pages/audit.tsx'), 'AuditPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/settings',
    component: lazyRouteComponent(() => import('./pages/settings/settings.tsx'), 'SettingsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/settings/$section',
    component: lazyRouteComponent(() => import('./pages/settings/settings.tsx'), 'SettingsPage'),
  }),
];

export const router = createRouter({
  routeTree: root.addChildren(routes),
  defaultErrorComponent: CrashPage,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
