import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { analyticsQuery, figure } from '../../api/analytics';
import { overTime } from '../../charts/over-time';
import { StackedBars } from '../../charts/stacked-bars';
import { count } from '../../lib/format';
import { granularityOf, type Range, rangeLabel } from '../../lib/moment';

/** How many requests there were, those that failed on top. The list below may be longer than the
    range drawn; without a range it is the last day. */
export function Histogram({
  range = '24h',
  model,
  apiKey,
}: {
  range?: Range;
  model?: string;
  apiKey?: string;
}) {
  const filters = [
    ...(model ? [{ field: 'model', value: model }] : []),
    ...(apiKey ? [{ field: 'api_key', value: apiKey }] : []),
  ];
  const query = useQuery(
    analyticsQuery({ metrics: ['request_count', 'failure_count'], range, overTime: true, filters }),
  );
  const rows = query.data?.rows;
  const data = useMemo(() => {
    // Two series from one row: what went well, and what did not.
    const told = (rows ?? []).flatMap(row => [
      {
        ...row,
        outcome: 'Answered',
        n: (figure(row, 'request_count') ?? 0) - (figure(row, 'failure_count') ?? 0),
      },
      { ...row, outcome: 'Failed', n: figure(row, 'failure_count') ?? 0 },
    ]);
    return overTime(told, range, 'n', false, row => String(row.outcome)).drawn;
  }, [rows, range]);
  if (!rows?.length) return null;
  const failed = data.series.find(one => one.key === 'Failed')?.total ?? 0;
  const all = data.series.reduce((sum, one) => sum + one.total, 0);
  return (
    <StackedBars
      data={data}
      granularity={granularityOf(range)}
      axis={value => (Number.isInteger(value) ? count(value) : '')}
      height={90}
      colours={data.series.map(one => (one.key === 'Failed' ? '--bad' : '--s5'))}
      label={`Requests by the ${granularityOf(range)}, ${rangeLabel(range).toLowerCase()}: ${all}, of which ${failed} failed`}
    />
  );
}
