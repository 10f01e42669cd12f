import { QueryClient } from '@tanstack/react-query';
import {
  createRootRoute,
  createRoute,
  createRouter,
  Link,
  lazyRouteComponent,
  Navigate,
  type RouteComponent,
} from '@tanstack/react-router';
import { ApiError, basePath } from './api/client';
import {
  type Ask,
  activityBegins,
  begin,
  logsBegin,
  overviewBegins,
  rankingsBegin,
  statusBegins,
} from './beginnings';
import * as search from './search';
import { takeSecret } from './session/link-secret';
import { firstSession, forgetWith, heedOtherTabs, sessionNow } from './session/session';
import { Shell } from './shell/shell';
import { Failure } from './ui/states';

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // A refusal does not change by asking again; a broken connection may.
      retry: (times, error) => times < 1 && !(error instanceof ApiError && error.status < 500),
      refetchOnWindowFocus: true,
    },
  },
});

forgetWith(() => queryClient.getQueryCache().clear());
heedOtherTabs();

const NoSuchPage = () => (
  <div className="grid gap-2 p-8">
    <h1 className="text-xl font-bold">No such page</h1>
    <p className="text-ink-2">The address does not match any page of this dashboard.</p>
    <Link to="/" className="text-accent underline">
      Go to the overview
    </Link>
  </div>
);

const root = createRootRoute({ component: Shell, notFoundComponent: NoSuchPage });
const getParentRoute = () => root;

/** A page that is loaded when it is first needed. Its type is said here, since a page knows the
    routes and the routes would know the page. */
const page = (load: () => Promise<Record<string, unknown>>, name: string): RouteComponent =>
  lazyRouteComponent(load as () => Promise<Record<string, RouteComponent>>, name);

/** Begins what a page asks first, once somebody is known to be here. Only for a page that is gone to:
    a link that is merely pointed at asks nothing of the books. */
async function ask(asks: Ask[], preload: boolean) {
  if (preload) return;
  const now = sessionNow();
  const session = now === undefined ? await firstSession().catch(() => null) : now;
  if (session) begin(queryClient, asks);
}

/** Every page, and what its address may say. */
const overview = createRoute({
  getParentRoute,
  path: '/',
  validateSearch: search.overviewSearch,
  loaderDeps: ({ search }) => search,
  loader: ({ deps, preload }) => void ask(overviewBegins(deps), preload),
  component: page(() => import('./pages/overview/page'), 'OverviewPage'),
});
const models = createRoute({
  getParentRoute,
  path: '/models',
  validateSearch: search.modelsSearch,
  component: page(() => import('./pages/models/page'), 'ModelsPage'),
});
const model = createRoute({
  getParentRoute,
  path: '/models/$author/$slug',
  component: page(() => import('./pages/model/page'), 'ModelPage'),
});
const playground = createRoute({
  getParentRoute,
  path: '/playground',
  validateSearch: search.playgroundSearch,
  component: page(() => import('./pages/playground/page'), 'PlaygroundPage'),
});
const activity = createRoute({
  getParentRoute,
  path: '/activity',
  validateSearch: search.activitySearch,
  loaderDeps: ({ search }) => search,
  loader: ({ deps, preload }) => void ask(activityBegins(deps), preload),
  component: page(() => import('./pages/activity/page'), 'ActivityPage'),
});
const logs = createRoute({
  getParentRoute,
  path: '/logs',
  validateSearch: search.logsSearch,
  loaderDeps: ({ search }) => search,
  loader: ({ deps, preload }) => void ask(logsBegin(deps), preload),
  component: page(() => import('./pages/logs/page'), 'LogsPage'),
});
const rankings = createRoute({
  getParentRoute,
  path: '/rankings',
  validateSearch: search.rankingsSearch,
  loaderDeps: ({ search }) => search,
  loader: ({ deps, preload }) => void ask(rankingsBegin(deps), preload),
  component: page(() => import('./pages/rankings'), 'RankingsPage'),
});
const status = createRoute({
  getParentRoute,
  path: '/status',
  validateSearch: search.statusSearch,
  loaderDeps: ({ search }) => search,
  loader: ({ deps, preload }) => void ask(statusBegins(deps), preload),
  component: page(() => import('./pages/status/page'), 'StatusPage'),
});
const keys = createRoute({
  getParentRoute,
  path: '/keys',
  validateSearch: search.keysSearch,
  component: page(() => import('./pages/keys/page'), 'KeysPage'),
});
const credentials = createRoute({
  getParentRoute,
  path: '/byok',
  validateSearch: search.credentialsSearch,
  component: page(() => import('./pages/byok/page'), 'CredentialsPage'),
});
const privacy = createRoute({
  getParentRoute,
  path: '/privacy',
  component: page(() => import('./pages/privacy'), 'PrivacyPage'),
});
const profile = createRoute({
  getParentRoute,
  path: '/profile',
  component: page(() => import('./pages/profile'), 'ProfilePage'),
});
const setup = createRoute({
  getParentRoute,
  path: '/setup',
  validateSearch: search.setupSearch,
  component: page(() => import('./pages/entrance/setup'), 'SetupPage'),
});
const invite = createRoute({
  getParentRoute,
  path: '/invite',
  component: page(() => import('./pages/entrance/invite'), 'InvitePage'),
});
const reset = createRoute({
  getParentRoute,
  path: '/reset',
  component: page(() => import('./pages/entrance/invite'), 'InvitePage'),
});
/** Links as they were made before secrets moved behind the `#`. */
const oldInvite = createRoute({
  getParentRoute,
  path: '/invite/$secret',
  component: page(() => import('./pages/entrance/invite'), 'DeadLink'),
});
/** Whoever is signed in already has nothing to do here; all others are asked at any address. */
const login = createRoute({ getParentRoute, path: '/login', component: () => <Navigate to="/" replace /> });
const workspaces = createRoute({
  getParentRoute,
  path: '/workspaces',
  component: page(() => import('./pages/workspaces/list'), 'WorkspacesPage'),
});
const workspace = createRoute({
  getParentRoute,
  path: '/workspaces/$id',
  component: page(() => import('./pages/workspaces/workspace'), 'WorkspacePage'),
});
const members = createRoute({
  getParentRoute,
  path: '/members',
  component: page(() => import('./pages/members/page'), 'MembersPage'),
});
const audit = createRoute({
  getParentRoute,
  path: '/audit',
  component: page(() => import('./pages/audit'), 'AuditPage'),
});
const credits = createRoute({
  getParentRoute,
  path: '/credits',
  component: page(() => import('./pages/credits'), 'CreditsPage'),
});
const settings = createRoute({
  getParentRoute,
  path: '/settings',
  component: page(() => import('./pages/settings'), 'SettingsPage'),
});
const consent = createRoute({
  getParentRoute,
  path: '/auth',
  validateSearch: search.consentSearch,
  component: page(() => import('./pages/consent'), 'ConsentPage'),
});

const routeTree = root.addChildren([
  overview,
  models,
  model,
  playground,
  activity,
  logs,
  rankings,
  status,
  keys,
  workspaces,
  workspace,
  members,
  audit,
  credits,
  settings,
  consent,
  credentials,
  privacy,
  profile,
  setup,
  invite,
  reset,
  oldInvite,
  login,
]);

takeSecret();
export const router = createRouter({
  basepath: basePath(),
  routeTree,
  defaultPreload: 'intent',
  defaultErrorComponent: ({ error, reset }) => (
    <div className="p-8">
      <Failure
        what="This page"
        error={error instanceof Error ? error : new Error(String(error))}
        onRetry={reset}
      />
    </div>
  ),
});
declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
  interface HistoryState {
    over?: boolean;
  }
}
