import { queryOptions } from '@tanstack/react-query';
import { OTHER } from '../charts/stack';
import { buckets, granularityOf, type Range, type Stretch, stretch } from '../lib/moment';
import { nano, plain } from '../lib/money';
import { api } from './client';
import type { components } from './schema';

export type Filter = { field: string; value: string };
export type Cell = string | number | boolean | null;
export type Row = Record<string, Cell>;
export type Meta = components['schemas']['Meta'];
export type Metric = components['schemas']['MetricObject'];

/** What is asked of the books. Every figure of the dashboard comes from here, so that no two pages
    tell different sums. */
export type Question = {
  metrics: string[];
  dimensions?: string[];
  filters?: Filter[];
  range: Range;
  /** Whether the range is told by buckets, or as a whole. */
  overTime?: boolean;
  /** How many ranges ago. */
  back?: number;
  orderBy?: string;
  limit?: number;
};
export type Answer = { rows: Row[]; truncated: boolean; warnings: string[] };

/** The most rows of an answer. */
const MOST = 1000;
/** The most values of one filter. */
const MOST_AMONG = 100;

type Asked = Question & {
  /** Only these of the first dimension. */
  among?: string[];
};

async function ask(question: Asked, time: Stretch): Promise<Answer> {
  const order = question.orderBy ?? (question.overTime ? 'date' : question.metrics[0]);
  const filters = (question.filters ?? []).map(one => ({
    field: one.field,
    operator: 'eq',
    value: one.value as unknown,
  }));
  const [dimension] = question.dimensions ?? [];
  if (question.among && dimension) filters.push({ field: dimension, operator: 'in', value: question.among });
  const { data } = await api.POST('/api/v1/analytics/query', {
    body: {
      metrics: question.metrics,
      dimensions: question.dimensions ?? [],
      filters: filters as { field: string; operator: string; value: Record<string, never> }[],
      time_range: time,
      granularity: question.overTime ? granularityOf(question.range) : null,
      order_by: order ? { field: order, direction: question.overTime ? 'asc' : 'desc' } : null,
      limit: question.limit ?? MOST,
    },
  });
  const result = data?.data;
  return {
    rows: (result?.data ?? []) as unknown as Row[],
    truncated: result?.metadata.truncated ?? false,
    warnings: (result as { warnings?: string[] } | undefined)?.warnings ?? [],
  };
}

export const analyticsQuery = (question: Question) =>
  queryOptions({
    queryKey: ['analytics', question],
    staleTime: 15_000,
    queryFn: () => ask(question, stretch(question.range, Date.now(), question.back ?? 0)),
  });

export type SeriesQuestion = {
  metric: Pick<Metric, 'name' | 'display_format' | 'is_rate'>;
  by: string;
  filters?: Filter[];
  range: Range;
};
export type SeriesAnswer = {
  /** One row for each group over the whole range, the largest first; `truncated`: there are more. */
  whole: Answer;
  /** By group and bucket. Groups that are not told apart are one, by the name of the rest. */
  rows: Row[];
  /** The groups that are told apart over time; null: all of them. */
  apart: ReadonlySet<string> | null;
  warnings: string[];
};

/** What all groups have in each bucket beyond those that are told apart. */
export function restOf(
  rows: Row[],
  totals: Row[],
  { metric, by, range }: Pick<SeriesQuestion, 'metric' | 'by' | 'range'>,
): Row[] {
  const isMoney = metric.display_format === 'currency';
  const size = (row: Row) =>
    isMoney ? money(row, metric.name) : BigInt(Math.round(figure(row, metric.name) ?? 0));
  const told = new Map<number, bigint>();
  for (const row of rows) {
    const at = bucketOf(row, range);
    told.set(at, (told.get(at) ?? 0n) + size(row));
  }
  return (
    totals
      .map(row => ({ row, rest: size(row) - (told.get(bucketOf(row, range)) ?? 0n) }))
      // A request that came between the two questions makes no rest of less than nothing.
      .filter(({ rest }) => rest > 0n)
      .map(({ row, rest }) => ({
        ...row,
        [by]: OTHER,
        [metric.name]: isMoney ? plain(rest) : Number(rest),
      }))
  );
}

/** Groups as a whole and over time. An answer has so many rows and no more: where all groups in all
    buckets are more than that, the largest are told apart and the others as one, so that a chart is never
    short of anything. */
export const seriesQuery = ({ metric, by, filters, range }: SeriesQuestion) =>
  queryOptions({
    queryKey: ['analytics', 'series', metric.name, by, filters ?? [], range],
    staleTime: 15_000,
    queryFn: async (): Promise<SeriesAnswer> => {
      const time = stretch(range, Date.now());
      const question: Question = { metrics: [metric.name], dimensions: [by], filters, range };
      // What all groups have together is needed where there are many. It is asked about at once, since it
      // is the cheapest of the questions. Rates cannot be added up, so that there is no rest of them.
      const [whole, totals] = await Promise.all([
        ask({ ...question, orderBy: metric.name }, time),
        metric.is_rate ? null : ask({ ...question, dimensions: [], overTime: true }, time),
      ]);
      const most = Math.floor(MOST / buckets(time, granularityOf(range)).length);
      if (!whole.truncated && whole.rows.length <= most) {
        const { rows, warnings } = await ask({ ...question, overTime: true }, time);
        return { whole, rows, apart: null, warnings };
      }
      const among = whole.rows.slice(0, Math.min(most, MOST_AMONG)).map(row => String(row[by] ?? ''));
      const told = await ask({ ...question, among, overTime: true }, time);
      const rest = totals ? restOf(told.rows, totals.rows, { metric, by, range }) : [];
      return { whole, rows: [...told.rows, ...rest], apart: new Set(among), warnings: told.warnings };
    },
  });

/** What the overview tells of all together. */
export const OVERVIEW_TOTALS = ['request_count', 'total_usage', 'tokens_total', 'failure_rate'];

/** What some pages always ask about, as the list of metrics describes it. */
export const SPEND = { name: 'total_usage', display_format: 'currency', is_rate: false };
export const TOKENS = { name: 'tokens_total', display_format: 'number', is_rate: false };

export const metaQuery = queryOptions({
  queryKey: ['analytics-meta'],
  staleTime: Number.POSITIVE_INFINITY,
  queryFn: async () => (await api.GET('/api/v1/analytics/meta')).data?.data as Meta,
});

export const money = (row: Row, metric: string) => nano(row[metric] as number | string | null);
/** A figure that is not money; null where nothing was measured. */
export const figure = (row: Row | undefined, metric: string): number | null => {
  const value = row?.[metric];
  return value == null ? null : Number(value);
};
export const bucketOf = (row: Row, range: Range): number =>
  Date.parse(String(row[`date__${granularityOf(range)}`]));
