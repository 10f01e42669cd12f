import { figure, type Metric, money, type Row, type SeriesAnswer } from '../../api/analytics';
import { count, duration, percent, percentileTime, speed, UNKNOWN } from '../../lib/format';
import { nano, plain, sum, toNumber, usd, usdColumn } from '../../lib/money';

/** How a figure is written, told by its format in the list of metrics. */
export function formatter(metric: Metric): (value: number | string | null) => string {
  switch (metric.display_format) {
    case 'currency':
      return value => (value == null ? '–' : usd(nano(value)));
    case 'percent':
      return value => percent(value == null ? null : Number(value));
    case 'latency':
      return /_p\d+$/.test(metric.name)
        ? value => percentileTime(value == null ? null : Number(value))
        : value => duration(value == null ? null : Number(value));
    case 'throughput':
      return value => speed(value == null ? null : Number(value));
    default:
      return value => count(value == null ? null : Number(value));
  }
}
/** For an axis, whose numbers are places and not amounts. */
export const axisFormat = (metric: Metric) => {
  const format = formatter(metric);
  return (value: number) =>
    metric.display_format === 'currency' ? usd(BigInt(Math.round(value * 1e9))) : format(value);
};

/** A figure as it is told: of money a decimal to the last digit. */
export type Told = number | string | null;
export type Group = {
  key: string;
  /** The figure of the range as a whole, as the books tell it. */
  whole: Told;
  /** By bucket; of rates, the buckets in which something was measured. */
  mean: Told;
  least: Told;
  most: Told;
  share: number | null;
};

const isMoney = (metric: Metric) => metric.display_format === 'currency';
const size = (row: Row, metric: Metric): number | null =>
  isMoney(metric) ? toNumber(money(row, metric.name)) : figure(row, metric.name);

type Spread = Pick<Group, 'mean' | 'least' | 'most'>;
/** Of groups that are not told apart over time. */
const UNKNOWN_SPREAD: Spread = { mean: null, least: null, most: null };
/** Buckets without a row had nothing: that is zero of what is counted, and not measured of a rate. */
function spread(rows: Row[], metric: Metric, buckets: number): Spread {
  if (isMoney(metric)) return spreadOfMoney(rows, metric, buckets);
  const values = rows.map(row => figure(row, metric.name)).filter(value => value !== null);
  if (!metric.is_rate) while (values.length < buckets) values.push(0);
  if (values.length === 0) return { mean: null, least: null, most: null };
  const all = values.reduce((a, b) => a + b, 0);
  return { mean: all / values.length, least: Math.min(...values), most: Math.max(...values) };
}
function spreadOfMoney(rows: Row[], metric: Metric, buckets: number): Spread {
  const values = rows.map(row => money(row, metric.name));
  while (values.length < buckets) values.push(0n);
  if (values.length === 0) return { mean: null, least: null, most: null };
  const ordered = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const mean = sum(values) / BigInt(values.length);
  return { mean: plain(mean), least: plain(ordered[0] ?? 0n), most: plain(ordered.at(-1) ?? 0n) };
}

/** One line for each group. What must not be added up has no share. */
export function groups(
  { whole: { rows: whole }, rows: overTime, apart }: Pick<SeriesAnswer, 'whole' | 'rows' | 'apart'>,
  dimension: string,
  metric: Metric,
  buckets: number,
): Group[] {
  const total = whole.reduce((all, row) => all + (size(row, metric) ?? 0), 0);
  const series = new Map<string, Row[]>();
  for (const row of overTime) {
    const key = String(row[dimension] ?? '');
    series.set(key, [...(series.get(key) ?? []), row]);
  }
  return whole
    .map((row): Group => {
      const key = String(row[dimension] ?? '');
      const own = size(row, metric);
      return {
        key,
        whole: row[metric.name] as Told,
        ...(apart?.has(key) === false ? UNKNOWN_SPREAD : spread(series.get(key) ?? [], metric, buckets)),
        share: metric.is_rate || total === 0 || own === null ? null : own / total,
      };
    })
    .sort((a, b) => Number(b.whole ?? 0) - Number(a.whole ?? 0));
}

/** Writes a column: amounts of money in it have the same number of decimals. */
export function columnFormatter(metric: Metric, column: Told[]): (value: Told) => string {
  if (!isMoney(metric)) return formatter(metric);
  const format = usdColumn(column.filter(value => value !== null).map(value => nano(value)));
  return value => (value === null ? UNKNOWN : format(nano(value)));
}

/** The figure for a file: exact, without a sign of money. */
export const plainFigure = (row: Row, metric: Metric): string | number | null => {
  const value = row[metric.name];
  if (value == null) return null;
  return isMoney(metric) ? plain(nano(value as number | string)) : Number(value);
};
