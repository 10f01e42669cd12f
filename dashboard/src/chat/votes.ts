import { useSyncExternalStore } from 'react';

/** How often each of two models was found better, and how often neither. The names are in the order
    of the alphabet, so that a pair is one however it was compared. */
export type Pair = { a: string; b: string; winsA: number; winsB: number; ties: number };

/** The one place where votes are: the server keeps none. */
const STORE = 'trunkline.votes';
const MOST_PAIRS = 200;

/** What a vote says of all pairs of the models compared: the best is better than each of the others,
    and of the others nothing is said. Without a best none is better. */
export function withVote(pairs: Pair[], models: string[], best: number | null): Pair[] {
  const next = pairs.map(pair => ({ ...pair }));
  const count = (winner: string, loser: string, isTie: boolean) => {
    if (winner === loser) return;
    const [a, b] = [winner, loser].sort() as [string, string];
    let pair = next.find(one => one.a === a && one.b === b);
    if (!pair) {
      pair = { a, b, winsA: 0, winsB: 0, ties: 0 };
      next.push(pair);
    }
    if (isTie) pair.ties++;
    else if (winner === a) pair.winsA++;
    else pair.winsB++;
  };
  models.forEach((model, place) => {
    if (best === null) for (const other of models.slice(place + 1)) count(model, other, true);
    else if (place !== best) count(models[best] ?? '', model, false);
  });
  return next.slice(-MOST_PAIRS);
}

const isPair = (given: unknown): given is Pair => {
  const pair = given as Pair;
  return (
    typeof pair?.a === 'string' &&
    typeof pair.b === 'string' &&
    [pair.winsA, pair.winsB, pair.ties].every(Number.isSafeInteger)
  );
};
export function readVotes(text: string | null): Pair[] {
  try {
    const given = JSON.parse(text ?? '[]');
    return Array.isArray(given) ? given.filter(isPair) : [];
  } catch {
    return [];
  }
}

const subscribe = (listener: () => void) => {
  addEventListener('votes', listener);
  addEventListener('storage', listener);
  return () => {
    removeEventListener('votes', listener);
    removeEventListener('storage', listener);
  };
};
const stored = () => localStorage.getItem(STORE);
export const useVotes = () => readVotes(useSyncExternalStore(subscribe, stored));
export function vote(models: string[], best: number | null) {
  localStorage.setItem(STORE, JSON.stringify(withVote(readVotes(stored()), models, best)));
  dispatchEvent(new Event('votes'));
}
export function forgetVotes() {
  localStorage.removeItem(STORE);
  dispatchEvent(new Event('votes'));
}
