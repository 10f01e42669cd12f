export type Entry = { id: string; label: string; hint: string; run: () => void };

/** Every typed word must occur; earlier and shorter matches come first. */
export function rank(entries: Entry[], query: string, most = 12): Entry[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const score = (entry: Entry) => {
    const text = `${entry.label} ${entry.id}`.toLowerCase();
    let sum = text.length / 1000;
    for (const word of words) {
      const at = text.indexOf(word);
      if (at < 0) return Number.POSITIVE_INFINITY;
      sum += at;
    }
    return sum;
  };
  return entries
    .map(entry => ({ entry, score: words.length ? score(entry) : 0 }))
    .filter(one => one.score < Number.POSITIVE_INFINITY)
    .sort((a, b) => a.score - b.score)
    .slice(0, most)
    .map(one => one.entry);
}
