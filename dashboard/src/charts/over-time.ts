import { bucketOf, figure, money, type Row } from '../api/analytics';
import { buckets, granularityOf, type Range, stretch } from '../lib/moment';
import { type Nano, toNumber } from '../lib/money';
import { AMOUNTS, NUMBERS, type Point, type Stacked, stack } from './stack';

/** A stack as it is drawn, and as it is told: heights are numbers, what is told of money is exact. */
export type OverTime = { drawn: Stacked<number>; amounts: Stacked<Nano> | null };

const point = <V>(row: Row, range: Range, key: string, value: V): Point<V> => ({
  at: bucketOf(row, range),
  key,
  value,
});

/** Rows of a question over time as stacks, one series for each name. */
export function overTime(
  rows: Row[],
  range: Range,
  metric: string,
  isMoney: boolean,
  nameOf: (row: Row) => string,
): OverTime {
  const granularity = granularityOf(range);
  const moments = buckets(stretch(range, Date.now()), granularity);
  if (!isMoney) {
    const points = rows.map(row => point(row, range, nameOf(row), figure(row, metric) ?? 0));
    return { drawn: stack(points, moments, NUMBERS), amounts: null };
  }
  const points = rows.map(row => point(row, range, nameOf(row), money(row, metric)));
  const amounts = stack(points, moments, AMOUNTS);
  const series = amounts.series.map(one => ({
    key: one.key,
    total: toNumber(one.total),
    values: one.values.map(toNumber),
    upper: one.upper.map(toNumber),
  }));
  return { drawn: { moments, series }, amounts };
}
