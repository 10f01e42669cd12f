import { queryOptions } from '@tanstack/react-query';
import { postJson, read } from './client';

/** What a test of a provider's key found. `unknown`: nobody could be asked, or the answer says nothing
    of the key. */
export type TestResult = { state: 'verified' | 'rejected' | 'unknown'; message: string; latency_ms?: number };

export type Credential = {
  id: string;
  provider: string;
  name: string | null;
  label: string;
  workspace_id: string | null;
  disabled: boolean;
  is_fallback: boolean;
  sort_order: number;
  allowed_models: string[] | null;
  allowed_api_key_hashes: string[] | null;
  allowed_user_ids: string[] | null;
  created_at: string;
  last_result: { state: TestResult['state']; message: string; at: string } | null;
  source: 'stored' | 'environment';
};

/** What a form needs to know of a provider. */
export type CredentialProvider = {
  slug: string;
  name: string;
  key_optional: boolean;
  needs_base_url: boolean;
  /** Its usual address; what is to be filled in stands in braces. */
  base_url: string;
  help: string | null;
  has_credential: boolean;
  models: number;
};

export const credentialsQuery = queryOptions({
  queryKey: ['credentials'],
  queryFn: async () => (await read<{ data: Credential[] }>('api/v1/byok?limit=100')).data,
});
export const credentialProvidersQuery = queryOptions({
  queryKey: ['credential-providers'],
  staleTime: 60_000,
  queryFn: async () => (await read<{ data: CredentialProvider[] }>('api/internal/providers')).data,
});

export type NewCredential = {
  provider: string;
  key: string;
  base_url?: string;
  name?: string;
  is_fallback?: boolean;
  /** `null`: everybody's. */
  workspace_id: string | null;
};
const one = (id: string) => `api/v1/byok/${encodeURIComponent(id)}`;

export const testKey = (body: Pick<NewCredential, 'provider' | 'key' | 'base_url'>, signal?: AbortSignal) =>
  read<TestResult>('api/internal/byok/test', { ...postJson(body), signal });
export const testStored = (id: string) =>
  read<TestResult>(`api/internal/byok/${encodeURIComponent(id)}/test`, postJson({}));
export const storeCredential = (body: NewCredential) =>
  read<{ data: Credential }>('api/v1/byok', postJson(body));
export const changeCredential = (id: string, body: Partial<Credential> & { key?: string }) =>
  read<{ data: Credential }>(one(id), postJson(body, 'PATCH'));
export const deleteCredential = (id: string) => read(one(id), { method: 'DELETE' });
