import { figure, type Metric, money, type Row } from '../../api/analytics';
import { count, duration, percent, speed } from '../../lib/format';
import { nano, toNumber, usd, usdExact } from '../../lib/money';

/** How a figure is written, told by its format in the list of metrics. */
export function formatter(metric: Metric): (value: number | string | null) => string {
  switch (metric.display_format) {
    case 'currency':
      return value => (value == null ? '–' : usd(nano(value)));
    case 'percent':
      return value => percent(value == null ? null : Number(value));
    case 'latency':
      return value => duration(value == null ? null : Number(value));
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

export type Group = {
  key: string;
  /** The figure of the range as a whole, as the books tell it. */
  whole: string | number | null;
  /** By bucket; of rates, the buckets in which something was measured. */
  mean: number | null;
  least: number | null;
  most: number | null;
  share: number | null;
};

const amount = (row: Row, metric: Metric): number | null =>
  metric.display_format === 'currency' ? toNumber(money(row, metric.name)) : figure(row, metric.name);

/** One line for each group. What must not be added up has no share. */
export function groups(
  whole: Row[],
  overTime: Row[],
  dimension: string,
  metric: Metric,
  buckets: number,
): Group[] {
  const sizes = whole.map(row => ({
    key: String(row[dimension] ?? ''),
    value: row[metric.name] as string | number | null,
    size: amount(row, metric),
  }));
  const total = sizes.reduce((sum, one) => sum + (one.size ?? 0), 0);
  const series = new Map<string, number[]>();
  for (const row of overTime) {
    const value = amount(row, metric);
    if (value === null) continue;
    const key = String(row[dimension] ?? '');
    series.set(key, [...(series.get(key) ?? []), value]);
  }
  return sizes
    .map(({ key, value, size }): Group => {
      const values = series.get(key) ?? [];
      // Buckets without a row had nothing: that is zero of what is counted, and not measured of a rate.
      const missing = metric.is_rate ? 0 : Math.max(0, buckets - values.length);
      const sum = values.reduce((a, b) => a + b, 0);
      const measured = values.length + missing;
      return {
        key,
        whole: value,
        mean: measured ? sum / measured : null,
        least: missing ? 0 : values.length ? Math.min(...values) : null,
        most: values.length ? Math.max(...values) : null,
        share: metric.is_rate || total === 0 || size === null ? null : size / total,
      };
    })
    .sort((a, b) => Number(b.whole ?? 0) - Number(a.whole ?? 0));
}

/** The figure for a file: exact, without a sign of money. */
export const plainFigure = (row: Row, metric: Metric): string | number | null => {
  const value = row[metric.name];
  if (value == null) return null;
  return metric.display_format === 'currency'
    ? usdExact(nano(value as number | string))
        .replace(/[$,]/g, '')
        .replace('−', '-')
    : Number(value);
};
