import { infiniteQueryOptions, type QueryClient, queryOptions } from '@tanstack/react-query';
import type { components as catalogue } from './catalogue';
import { api, read } from './client';
import type { components } from './schema';

export type Model = catalogue['schemas']['Model'];
export type Endpoint = catalogue['schemas']['PublicEndpoint'];
export type RouteMetadata = catalogue['schemas']['OpenRouterMetadata'];
export type Key = components['schemas']['ManagedKey'];
export type Workspace = components['schemas']['WorkspaceObject'];
export type Budget = components['schemas']['BudgetObject'];
export type Member = components['schemas']['OrganizationMember'];
export type Generation = components['schemas']['GenerationObject'];
export type LedgerEntry = components['schemas']['LedgerEntry'];
export type AuditEntry = components['schemas']['AuditObject'];
export type Provider = {
  name: string;
  slug: string;
  status_page_url: string | null;
  headquarters: string | null;
};

/** All models, whatever they give: without being asked for them the list has those alone that write text. */
export const modelsQuery = queryOptions({
  queryKey: ['models'],
  staleTime: 60_000,
  queryFn: async () => (await read<{ data: Model[] }>('api/v1/models?output_modalities=all')).data,
});
/** Whether it answers in a conversation. */
export const writesText = (model: Pick<Model, 'architecture'>) =>
  (model.architecture.output_modalities as string[]).includes('text');

/** Ids of the models that the server finds by what its list does not tell of each: its providers, and
    what they do with prompts. */
export const modelIdsQuery = (filter: { providers: string } | { zdr: true }) =>
  queryOptions({
    queryKey: ['model-ids', filter],
    staleTime: 60_000,
    queryFn: async () => {
      const query = new URLSearchParams(Object.entries(filter).map(([name, value]) => [name, String(value)]));
      query.set('output_modalities', 'all');
      const { data } = await read<{ data: { id: string }[] }>(`api/v1/models?${query}`);
      return new Set(data.map(model => model.id));
    },
  });

/** A model's name may hold dots, slashes and colons: `openai/gpt-4.1`, `author/name:free`. */
const inPath = (id: string) => id.split('/').map(encodeURIComponent).join('/');
export const modelQuery = (id: string) =>
  queryOptions({
    queryKey: ['model', id],
    staleTime: 60_000,
    queryFn: async () => (await read<{ data: Model }>(`api/v1/model/${inPath(id)}`)).data,
  });
export const endpointsQuery = (id: string) =>
  queryOptions({
    queryKey: ['endpoints', id],
    staleTime: 15_000,
    queryFn: async () =>
      (await read<{ data: { endpoints: Endpoint[] } }>(`api/v1/models/${inPath(id)}/endpoints`)).data
        .endpoints,
  });
export const providersQuery = queryOptions({
  queryKey: ['providers'],
  staleTime: 600_000,
  queryFn: async () => (await read<{ data: Provider[] }>('api/v1/providers')).data,
});

export type KeyQuestion = { workspace?: string; search?: string; order?: string; enabledOnly?: boolean };
const firstPage = null as string | null;
type KeysPage = { keys: Key[]; next: string | null };

async function keysPage(
  { workspace, search, order, enabledOnly = false }: KeyQuestion,
  cursor: string | null,
  signal: AbortSignal,
): Promise<KeysPage> {
  const query = new URLSearchParams({ include_disabled: String(!enabledOnly) });
  if (workspace) query.set('workspace_id', workspace);
  if (search) query.set('search', search);
  if (order) query.set('order', order);
  if (cursor) query.set('cursor', cursor);
  const { data, next_cursor } = await read<{ data: Key[]; next_cursor?: string | null }>(
    `api/v1/keys?${query}`,
    { signal },
  );
  return { keys: data, next: next_cursor ?? null };
}
const wordsOf = ({ workspace, search, order, enabledOnly = false }: KeyQuestion) => [
  workspace ?? 'default',
  search ?? '',
  order ?? '',
  enabledOnly,
];

/** Keys of one workspace by pages, in the server's order: search and order are over all its keys, not what is
    loaded. */
export const keysQuery = (question: KeyQuestion) =>
  infiniteQueryOptions({
    queryKey: ['keys', ...wordsOf(question)],
    initialPageParam: firstPage,
    queryFn: ({ pageParam, signal }) => keysPage(question, pageParam, signal),
    getNextPageParam: last => last.next,
  });
/** The first page of them alone. */
export const firstKeysQuery = (question: KeyQuestion) =>
  queryOptions({
    queryKey: ['keys', 'first', ...wordsOf(question)],
    staleTime: 5_000,
    queryFn: ({ signal }) => keysPage(question, null, signal),
  });
/** Those in use, of which those come first that have used most of their own limit. */
export const NEAR_LIMIT: KeyQuestion = { order: 'limit', enabledOnly: true };
export const keyQuery = (hash: string) =>
  queryOptions({
    queryKey: ['key', hash],
    queryFn: async () =>
      (await api.GET('/api/v1/keys/{hash}', { params: { path: { hash } } })).data?.data as Key,
  });

/** As many as a list without pages of its own has: a page that may have more says so. */
export const MOST_LISTED = 2_000;
const LEAF = 100;

/** All of a list that the server gives by leaves, in its order. */
async function leaves<T>(
  leaf: (query: { limit: number; offset: number }) => Promise<{ data: T[]; total_count: number } | undefined>,
): Promise<T[]> {
  const all: T[] = [];
  for (let total = 1; all.length < Math.min(total, MOST_LISTED); ) {
    const found = await leaf({ limit: LEAF, offset: all.length });
    if (!found?.data.length) break;
    all.push(...found.data);
    total = found.total_count;
  }
  return all;
}

export const workspacesQuery = queryOptions({
  queryKey: ['workspaces'],
  staleTime: 60_000,
  queryFn: () =>
    leaves<Workspace>(async query => (await api.GET('/api/v1/workspaces', { params: { query } })).data),
});
export const budgetsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ['budgets', workspace],
    queryFn: async () => {
      const path = { id: workspace };
      const { data } = await api.GET('/api/v1/workspaces/{id}/budgets', { params: { path } });
      return { budgets: data?.data ?? [], includesByok: data?.include_byok_in_budgets ?? false };
    },
  });
export const membersQuery = queryOptions({
  queryKey: ['members'],
  queryFn: () =>
    leaves<Member>(
      async query => (await api.GET('/api/v1/organization/members', { params: { query } })).data,
    ),
});
export const workspaceMembersQuery = (workspace: string) =>
  queryOptions({
    queryKey: ['workspace-members', workspace],
    queryFn: () =>
      leaves(async query => {
        const params = { path: { id: workspace }, query };
        return (await api.GET('/api/v1/workspaces/{id}/members', { params })).data;
      }),
  });

export const creditsQuery = queryOptions({
  queryKey: ['credits'],
  queryFn: async () => (await api.GET('/api/v1/credits')).data?.data as components['schemas']['Credits'],
});
export const ledgerQuery = infiniteQueryOptions({
  queryKey: ['ledger'],
  initialPageParam: firstPage,
  queryFn: async ({ pageParam }) => {
    const query = { limit: 100, cursor: pageParam ?? undefined };
    const { data } = await api.GET('/api/v1/credits/ledger', { params: { query } });
    return { entries: data?.data ?? [], next: data?.next_cursor ?? null };
  },
  getNextPageParam: last => last.next,
});
export const auditQuery = infiniteQueryOptions({
  queryKey: ['audit'],
  initialPageParam: firstPage,
  queryFn: async ({ pageParam }) => {
    const query = { limit: 100, cursor: pageParam ?? undefined };
    const { data } = await api.GET('/api/v1/audit', { params: { query } });
    return { entries: data?.data ?? [], next: data?.next_cursor ?? null };
  },
  getNextPageParam: last => last.next,
});

export const generationQuery = (id: string) =>
  queryOptions({
    queryKey: ['generation', id],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () =>
      (await api.GET('/api/v1/generation', { params: { query: { id } } })).data?.data as Generation,
  });

/** Whatever was just changed is in the lists at once. */
export const refresh = (client: QueryClient, ...keys: string[]) =>
  Promise.all(keys.map(key => client.invalidateQueries({ queryKey: [key] })));
