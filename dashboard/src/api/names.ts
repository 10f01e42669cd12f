import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { keysQuery, membersQuery, workspacesQuery } from './queries';

const shortHash = (hash: string) => (/^[0-9a-f]{64}$/.test(hash) ? `${hash.slice(0, 8)}…` : hash);

/** What is named by a member's identity: in figures, and in the log of changes. */
const PEOPLE = ['user', 'member', 'member_limit'];

/** Names for what the books know by identity. What is not among the first keys keeps its hash. */
export function useNames(workspace?: string): (dimension: string, value: string) => string {
  const keys = useInfiniteQuery(keysQuery({ workspace }));
  const workspaces = useQuery(workspacesQuery);
  const members = useQuery({ ...membersQuery, staleTime: 60_000 });
  return useMemo(() => {
    const names = new Map<string, string>();
    for (const key of keys.data?.pages.flatMap(page => page.keys) ?? []) names.set(key.hash, key.name);
    for (const one of workspaces.data ?? []) names.set(one.id, one.name);
    for (const one of members.data ?? []) names.set(one.id, one.name || one.email);
    return (dimension, value) => {
      if (dimension === 'api_key' || dimension === 'workspace') return names.get(value) ?? shortHash(value);
      if (dimension === 'is_byok')
        return value === 'true' || value === '1' ? 'Own provider key' : 'Gateway’s provider key';
      if (PEOPLE.includes(dimension) && value) return names.get(value) ?? value;
      if (value === '')
        return dimension === 'user' ? 'No member' : dimension === 'provider' ? 'No provider' : 'Not set';
      return value;
    };
  }, [keys.data, workspaces.data, members.data]);
}
