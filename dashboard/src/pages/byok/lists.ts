import type { Credential } from '../../api/credentials';

export type Lists = { first: Credential[]; fallback: Credential[] };

/** The keys of a provider in the order they are tried. */
export function listsOf(credentials: Credential[], provider: string): Lists {
  const of = credentials
    .filter(one => one.provider === provider)
    .sort((a, b) => a.sort_order - b.sort_order || a.created_at.localeCompare(b.created_at));
  return { first: of.filter(one => !one.is_fallback), fallback: of.filter(one => one.is_fallback) };
}

export type Place = { list: keyof Lists; at: number };
export type Move = { id: string; sort_order: number; is_fallback: boolean };

/** What has to be changed so that a key stands at a place: only those whose place is another than
    before. What comes from the environment is not ours to move, and keeps its number. */
export function moves(lists: Lists, id: string, to: Place): Move[] {
  const moved = [...lists.first, ...lists.fallback].find(one => one.id === id);
  if (!moved || moved.source === 'environment') return [];
  const without = {
    first: lists.first.filter(one => one !== moved),
    fallback: lists.fallback.filter(one => one !== moved),
  };
  without[to.list].splice(Math.max(0, to.at), 0, moved);
  return (['first', 'fallback'] as const).flatMap(list =>
    without[list].flatMap((one, place) => {
      const isFallback = list === 'fallback';
      const stays = one.sort_order === place && one.is_fallback === isFallback;
      return stays || one.source === 'environment'
        ? []
        : [{ id: one.id, sort_order: place, is_fallback: isFallback }];
    }),
  );
}
