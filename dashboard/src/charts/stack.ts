/** Turns rows of (moment, series, value) into the aligned columns a chart draws: the largest series
    are kept, the rest is folded into one. */
export type Point<V> = { at: number; key: string; value: V };
export type Series<V> = { key: string; total: V; values: V[]; upper: V[] };
export type Stacked<V> = { moments: number[]; series: Series<V>[] };

export const OTHER = 'Other';

export type Arithmetic<V> = { zero: V; add: (a: V, b: V) => V; less: (a: V, b: V) => boolean };
export const NUMBERS: Arithmetic<number> = { zero: 0, add: (a, b) => a + b, less: (a, b) => a < b };
export const AMOUNTS: Arithmetic<bigint> = { zero: 0n, add: (a, b) => a + b, less: (a, b) => a < b };

export function stack<V>(points: Point<V>[], moments: number[], by: Arithmetic<V>, most = 8): Stacked<V> {
  const totals = new Map<string, V>();
  // What comes as the rest already, stays the rest, however much it is.
  const apart = points.filter(point => point.key !== OTHER);
  for (const point of apart) totals.set(point.key, by.add(totals.get(point.key) ?? by.zero, point.value));
  const ranked = [...totals].sort((a, b) =>
    by.less(a[1], b[1]) ? 1 : by.less(b[1], a[1]) ? -1 : a[0].localeCompare(b[0]),
  );
  const kept = ranked.slice(0, most).map(([key]) => key);
  const keys = ranked.length > most || apart.length < points.length ? [...kept, OTHER] : kept;
  const row = new Map(kept.map((key, index) => [key, index]));
  const column = new Map(moments.map((at, index) => [at, index]));
  const values = keys.map(() => moments.map(() => by.zero));
  for (const point of points) {
    const cells = values[row.get(point.key) ?? kept.length];
    const at = column.get(point.at);
    if (cells && at !== undefined) cells[at] = by.add(cells[at] ?? by.zero, point.value);
  }
  const below = moments.map(() => by.zero);
  const series = keys.map((key, index) => {
    const own = values[index] ?? [];
    const upper = own.map((value, at) => {
      below[at] = by.add(below[at] ?? by.zero, value);
      return below[at] as V;
    });
    return { key, total: own.reduce(by.add, by.zero), values: own, upper };
  });
  return { moments, series };
}
