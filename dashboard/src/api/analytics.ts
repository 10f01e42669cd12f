import { queryOptions } from '@tanstack/react-query';
import { granularityOf, type Range, stretch } from '../lib/moment';
import { nano } from '../lib/money';
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

export const analyticsQuery = (question: Question) =>
  queryOptions({
    queryKey: ['analytics', question],
    staleTime: 15_000,
    queryFn: async (): Promise<Answer> => {
      const order = question.orderBy ?? (question.overTime ? 'date' : question.metrics[0]);
      const { data } = await api.POST('/api/v1/analytics/query', {
        body: {
          metrics: question.metrics,
          dimensions: question.dimensions ?? [],
          filters: (question.filters ?? []).map(one => ({
            field: one.field,
            operator: 'eq',
            value: one.value as unknown as Record<string, never>,
          })),
          time_range: stretch(question.range, Date.now(), question.back ?? 0),
          granularity: question.overTime ? granularityOf(question.range) : null,
          order_by: order ? { field: order, direction: question.overTime ? 'asc' : 'desc' } : null,
          limit: question.limit ?? 1000,
        },
      });
      const result = data?.data;
      return {
        rows: (result?.data ?? []) as unknown as Row[],
        truncated: result?.metadata.truncated ?? false,
        warnings: (result as { warnings?: string[] } | undefined)?.warnings ?? [],
      };
    },
  });

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
