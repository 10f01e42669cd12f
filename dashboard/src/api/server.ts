import { queryOptions } from '@tanstack/react-query';
import { postJson, read } from './client';

export type Policy = {
  allow_training: boolean;
  allow_publishing?: boolean;
  zdr_only: boolean;
  regions: string[] | null;
};
export type Effect = {
  endpoints_left: number;
  endpoints_total: number;
  models_left: number;
  models_total: number;
};
export type Privacy = Policy & { effect: Effect; available_regions?: string[] };

/** With a policy: what it would leave, were it in force. */
export const privacyQuery = (policy?: Policy) =>
  queryOptions({
    queryKey: ['privacy', policy ?? 'in force'],
    queryFn: () => {
      const query = new URLSearchParams();
      if (policy) {
        query.set('allow_training', String(policy.allow_training));
        if (policy.allow_publishing !== undefined)
          query.set('allow_publishing', String(policy.allow_publishing));
        query.set('zdr_only', String(policy.zdr_only));
        query.set('regions', (policy.regions ?? []).join(','));
      }
      return read<Privacy>(`api/internal/privacy?${query}`);
    },
  });
export const setPrivacy = (policy: Policy) =>
  read<Privacy>('api/internal/privacy', postJson(policy, 'PATCH'));

export type ServerSettings = Record<string, unknown> & { version: string };
export const serverSettingsQuery = queryOptions({
  queryKey: ['server-settings'],
  staleTime: 60_000,
  queryFn: async () => {
    const answer = await read<ServerSettings | { data: ServerSettings }>('api/internal/settings');
    return ('data' in answer ? answer.data : answer) as ServerSettings;
  },
});

export type StatusWindow = '1h' | '24h' | '90d';
export type ProviderState = {
  slug: string;
  name: string;
  ticks: { at: string; ok: number; failed: number }[];
  uptime: number | null;
  errors: { type: string; count: number }[];
  first_token_ms: { p50: number | null; p90: number | null } | null;
  breaker: 'closed' | 'open' | 'half_open';
  credential: 'ok' | 'rejected' | 'none';
  last_failures: { at: string; id: string; type: string; message: string | null }[];
};
export const providerStatesQuery = (window: StatusWindow) =>
  queryOptions({
    queryKey: ['provider-states', window],
    staleTime: 15_000,
    queryFn: async () =>
      (await read<{ data: ProviderState[] }>(`api/internal/status/providers?window=${window}`)).data,
  });

export type ModelStats = {
  id: string;
  tokens_7d: number;
  requests_7d: number;
  first_token_ms: number | null;
  speed: number | null;
  uptime: number | null;
};
/** By model. The server may tell them as a list or by name. */
export const modelStatsQuery = queryOptions({
  queryKey: ['model-stats'],
  staleTime: 60_000,
  queryFn: async () => {
    const { data } = await read<{ data: ModelStats[] | Record<string, Omit<ModelStats, 'id'>> }>(
      'api/internal/models/stats',
    );
    const list = Array.isArray(data) ? data : Object.entries(data).map(([id, one]) => ({ ...one, id }));
    return new Map(list.map(one => [one.id, one]));
  },
});
