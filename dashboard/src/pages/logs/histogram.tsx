import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { histogramQuery, type LogFilter } from '../../api/generations';
import { NUMBERS, stack } from '../../charts/stack';
import { StackedBars } from '../../charts/stacked-bars';
import { count } from '../../lib/format';
import { momentOf } from '../../lib/moment';

const granularityOf = (seconds: number) => (seconds < 3600 ? 'minute' : seconds < 86_400 ? 'hour' : 'day');
const stepLabel = (seconds: number) =>
  seconds < 3600
    ? `${Math.round(seconds / 60) || 1} min`
    : seconds < 86_400
      ? `${Math.round(seconds / 3600)} h`
      : `${Math.round(seconds / 86_400)} d`;

/** How often it is asked for while the list is followed, ms. */
const FOLLOWED = 5_000;

/** How many requests of those listed there were over time, those that failed on top. */
export function Histogram({ filter, follows }: { filter: LogFilter; follows: boolean }) {
  const query = useQuery({
    ...histogramQuery(filter),
    placeholderData: keepPreviousData,
    refetchInterval: follows && FOLLOWED,
  });
  const told = query.data;
  const data = useMemo(() => {
    const points = (told?.data ?? []).flatMap(one => [
      { at: Date.parse(one.at), key: 'Answered', value: one.ok },
      { at: Date.parse(one.at), key: 'Failed', value: one.failed },
    ]);
    const moments = [...new Set(points.map(one => one.at))].sort((a, b) => a - b);
    return stack(points, moments, NUMBERS);
  }, [told]);
  if (!told?.data.length) return null;
  const failed = data.series.find(one => one.key === 'Failed')?.total ?? 0;
  const all = data.series.reduce((sum, one) => sum + one.total, 0);
  if (all === 0) return null;
  const step = told.step_seconds * 1000;
  const [from, until] = [data.moments[0] ?? 0, (data.moments.at(-1) ?? 0) + step];
  return (
    <div>
      <StackedBars
        data={data}
        granularity={granularityOf(told.step_seconds)}
        axis={value => (Number.isInteger(value) ? count(value) : '')}
        height={90}
        colours={data.series.map(one => (one.key === 'Failed' ? '--bad' : '--s5'))}
        label={`Requests, ${stepLabel(told.step_seconds)} a bar: ${all}, of which ${failed} failed`}
      />
      <p className="text-xs text-ink-3">
        {stepLabel(told.step_seconds)} a bar, {momentOf(from)} to {momentOf(until)}
        {!filter.from && '. Choose a time to see what was before'}
      </p>
    </div>
  );
}
