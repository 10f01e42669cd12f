export type Change = { member: string; before: string; after: string };

const text = (value: unknown): string =>
  value === undefined
    ? ''
    : value === null
      ? '–'
      : typeof value === 'object'
        ? JSON.stringify(value)
        : String(value);

/** What is different; of a thing that was made or removed, all that was set. */
export function changes(
  before: Record<string, unknown> | null,
  after: Record<string, unknown> | null,
): Change[] {
  const members = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return members
    .filter(member => JSON.stringify(before?.[member] ?? null) !== JSON.stringify(after?.[member] ?? null))
    .map(member => ({ member, before: text(before?.[member]), after: text(after?.[member]) }));
}
