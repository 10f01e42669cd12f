import { queryOptions } from '@tanstack/react-query';
import { postJson, read } from './client';

export type Policy = {
  allow_training: boolean;
  zdr_only: boolean;
  /** Empty: anywhere. */
  regions: string[];
};
export type Effect = {
  endpoints_left: number;
  endpoints_total: number;
  models_left: number;
  models_total: number;
};
export type Privacy = Policy & { effect: Effect; available_regions: string[] };

/** With a policy: what it would leave, were it in force. */
export const privacyQuery = (policy?: Policy) =>
  queryOptions({
    queryKey: ['privacy', policy ?? 'in force'],
    queryFn: () => {
      const query = new URLSearchParams();
      if (policy) {
        query.set('allow_training', String(policy.allow_training));
        query.set('zdr_only', String(policy.zdr_only));
        query.set('regions', policy.regions.join(','));
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
  queryFn: () => read<ServerSettings>('api/internal/settings'),
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
    queryFn: async () => {
      const path = `api/internal/status/providers?window=${window}`;
      const { data } = await read<{ data: ProviderState[] }>(path);
      return data.map(one => ({ ...one, uptime: share(one.uptime) }));
    },
  });

/** The API tells uptimes in percent. */
const share = (percent: number | null) => (percent === null ? null : percent / 100);

export type ModelStats = {
  id: string;
  tokens_7d: number;
  requests_7d: number;
  first_token_ms: number | null;
  speed: number | null;
  uptime: number | null;
};
/** By model. */
export const modelStatsQuery = queryOptions({
  queryKey: ['model-stats'],
  staleTime: 60_000,
  queryFn: async () => {
    const { data } = await read<{ data: ModelStats[] }>('api/internal/models/stats');
    return new Map(data.map(one => [one.id, { ...one, uptime: share(one.uptime) }]));
  },
});
