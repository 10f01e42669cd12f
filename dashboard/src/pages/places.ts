import { figure, type Row } from '../api/analytics';

export type Ranked = {
  key: string;
  value: number;
  /** Of all there was, what has no name among it: the shares of the ranked need not make a whole. */
  share: number;
  place: number;
  /** Null for who was not there. */
  before: number | null;
};

const ordered = (rows: Row[], dimension: string, metric: string) =>
  rows
    .map(row => ({ key: String(row[dimension] ?? ''), value: figure(row, metric) ?? 0 }))
    .filter(one => one.key && one.value > 0)
    .sort((a, b) => b.value - a.value || a.key.localeCompare(b.key));

/** Places now, and those of the time before. */
export function places(now: Row[], before: Row[], dimension: string, metric: string): Ranked[] {
  const past = new Map(ordered(before, dimension, metric).map((one, index) => [one.key, index + 1]));
  const rows = ordered(now, dimension, metric);
  const total = now.reduce((sum, row) => sum + (figure(row, metric) ?? 0), 0);
  return rows.map((one, index) => ({
    ...one,
    share: one.value / total,
    place: index + 1,
    before: past.get(one.key) ?? null,
  }));
}

/** The share of what has no name, and so no place. */
export const unnamed = (ranked: Ranked[]): number =>
  Math.max(0, 1 - ranked.reduce((sum, one) => sum + one.share, 0));
