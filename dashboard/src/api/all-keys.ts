import { keepPreviousData, useQueries, useQuery } from '@tanstack/react-query';
import { firstKeysQuery, type Key, type KeyQuestion, type Workspace, workspacesQuery } from './queries';

/** So many workspaces are asked for their keys at once: the server lists keys by workspace. */
const MOST_ASKED = 20;

export type AllKeys = {
  data: { keys: Key[]; hasMore: boolean } | undefined;
  error: Error | null;
  refetch: () => Promise<unknown>;
  workspaces: Workspace[];
};

/** The first page of keys of every workspace. The default one's comes first, and is asked for before the
    others are known. */
export function useAllKeys(question: Omit<KeyQuestion, 'workspace'>): AllKeys {
  const { data: found, isPending } = useQuery(workspacesQuery);
  const others = (found ?? []).filter(one => one.slug !== 'default');
  const asked = [undefined, ...others.slice(0, MOST_ASKED - 1).map(one => one.id)];
  return useQueries({
    queries: asked.map(workspace => ({
      ...firstKeysQuery({ ...question, workspace }),
      placeholderData: keepPreviousData,
    })),
    combine: answers => {
      const there = answers.flatMap(one => one.data ?? []);
      return {
        // One workspace that fails takes nothing of the others away.
        data:
          there.length > 0 && !isPending && !answers.some(one => one.isPending)
            ? {
                keys: there.flatMap(one => one.keys),
                hasMore: there.some(one => one.next !== null) || others.length >= MOST_ASKED,
              }
            : undefined,
        error: answers.find(one => one.error)?.error ?? null,
        refetch: () => Promise.all(answers.map(one => one.refetch())),
        workspaces: found ?? [],
      };
    },
  });
}
