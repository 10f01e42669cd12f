/** How many pairs of letters two names share, from 0 to 1. */
function likeness(a: string, b: string): number {
  const pairs = (text: string) => new Set([...text.slice(1)].map((letter, at) => text[at] + letter));
  const [of, other] = [pairs(a.toLowerCase()), pairs(b.toLowerCase())];
  const shared = [...of].filter(pair => other.has(pair)).length;
  return (2 * shared) / (of.size + other.size || 1);
}

/** Names that may have been meant. */
export const nearest = (name: string, names: string[], most = 5): string[] =>
  names
    .map(one => ({ one, by: likeness(name, one) }))
    .filter(({ by }) => by > 0.45)
    .sort((a, b) => b.by - a.by)
    .slice(0, most)
    .map(({ one }) => one);
