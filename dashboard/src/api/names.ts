import { keepPreviousData, queryOptions, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { api } from './client';
import { membersQuery, workspacesQuery } from './queries';

const isHash = (text: string) => /^[0-9a-f]{64}$/.test(text);
const shortHash = (hash: string) => (isHash(hash) ? `${hash.slice(0, 8)}…` : hash);

/** What is named by a member's identity: in figures, and in the log of changes. */
const PEOPLE = ['user', 'member', 'member_limit', 'password'];

/** The most keys that the server names at once. */
const MOST = 1000;

/** Names of keys by their hashes, of those that are deleted too. */
export const keyNamesQuery = (hashes: string[]) =>
  queryOptions({
    // With what is known of keys otherwise, and asked anew with it.
    queryKey: ['keys', 'names', hashes],
    staleTime: 60_000,
    enabled: hashes.length > 0,
    // Names that are known stay while there are more to be asked for.
    placeholderData: keepPreviousData,
    queryFn: async () => {
      const { data } = await api.POST('/api/internal/keys/names', { body: { hashes } });
      return data?.data ?? {};
    },
  });

/** How a value of a dimension is called. */
export type Naming = (dimension: string, value: string) => string;

/** What is named by a workspace's identity. */
const SPACES = ['workspace', 'workspace_member', 'workspace_budget'];

/** Names for what the books know by identity: members, workspaces, and the keys with these hashes. */
export function useNames(keys: readonly string[] = []): Naming {
  const hashes = [...new Set(keys.filter(isHash))].sort().slice(0, MOST);
  const { data: keyNames } = useQuery(keyNamesQuery(hashes));
  const workspaces = useQuery(workspacesQuery);
  const members = useQuery({ ...membersQuery, staleTime: 60_000 });
  return useMemo(() => {
    const names = new Map<string, string>(Object.entries(keyNames ?? {}));
    for (const one of workspaces.data ?? []) names.set(one.id, one.name);
    for (const one of members.data ?? []) names.set(one.id, one.name || one.email);
    return (dimension, value) => {
      if (dimension === 'api_key' || SPACES.includes(dimension)) return names.get(value) ?? shortHash(value);
      if (dimension === 'is_byok')
        return value === 'true' || value === '1' ? 'Own provider key' : 'Gateway’s provider key';
      if (PEOPLE.includes(dimension) && value) return names.get(value) ?? value;
      if (value === '')
        return dimension === 'user' ? 'No member' : dimension === 'provider' ? 'No provider' : 'Not set';
      return value;
    };
  }, [keyNames, workspaces.data, members.data]);
}
