import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { Download, X } from 'lucide-react';
import { useMemo, useState } from 'react';
import {
  bucketOf,
  type Meta,
  type Metric,
  metaQuery,
  type SeriesAnswer,
  seriesQuery,
} from '../../api/analytics';
import { download, save } from '../../api/client';
import { csv } from '../../api/csv';
import { type Naming, useNames } from '../../api/names';
import { overTime } from '../../charts/over-time';
import { StackedBars } from '../../charts/stacked-bars';
import { bucketLabel, buckets, granularityOf, type Range, rangeLabel, stretch } from '../../lib/moment';
import { type ActivitySearch, filterText, readFilter } from '../../search';
import { Button, IconButton } from '../../ui/button';
import { Select } from '../../ui/field';
import { LoadPage, Page } from '../../ui/page';
import { SelectRange } from '../../ui/select-range';
import { Empty, Load } from '../../ui/states';
import { axisFormat, groups, plainFigure } from './groups';
import { GroupTable } from './table';

const route = getRouteApi('/activity');

export function ActivityPage() {
  const meta = useQuery(metaQuery);
  return (
    <LoadPage title="Activity" query={meta} what="Activity" lines={8}>
      {known => <Activity meta={known} />}
    </LoadPage>
  );
}

function Activity({ meta }: { meta: Meta }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const range = search.range ?? '30d';
  // What the address names and the server does not know falls back to the first there is.
  const metric =
    meta.metrics.find(one => one.name === (search.metric ?? 'total_usage')) ?? (meta.metrics[0] as Metric);
  const by = meta.dimensions.find(one => one.name === (search.by ?? 'model'))?.name ?? 'model';
  const filters = useMemo(
    () => (search.where ?? []).map(readFilter).filter(one => one !== null),
    [search.where],
  );
  const set = (patch: Partial<ActivitySearch>) => void navigate({ search: now => ({ ...now, ...patch }) });

  const query = useQuery(seriesQuery({ metric, by, filters, range }));
  const name = useNames([
    ...filters.filter(one => one.field === 'api_key').map(one => one.value),
    ...(by === 'api_key' ? (query.data?.whole.rows ?? []).map(row => String(row[by] ?? '')) : []),
  ]);
  const unfilter = (text: string) => set({ where: (search.where ?? []).filter(one => one !== text) });
  return (
    <Page
      title="Activity"
      note={`days are UTC${range === '1h' || range === '24h' ? ', as are hours' : ''}`}
      actions={
        <>
          <SelectRange value={range} onChange={next => set({ range: next })} />
          <Select
            aria-label="Figure"
            className="max-w-40"
            value={metric.name}
            onChange={event => set({ metric: event.target.value })}
          >
            {meta.metrics.map(one => (
              <option key={one.name} value={one.name}>
                {one.display_label}
              </option>
            ))}
          </Select>
          <Select
            aria-label="Group by"
            className="max-w-40"
            value={by}
            onChange={event => set({ by: event.target.value })}
          >
            {meta.dimensions.map(one => (
              <option key={one.name} value={one.name}>
                by {one.display_label.toLowerCase()}
              </option>
            ))}
          </Select>
          <Button
            reason={!query.data?.rows.length && 'There is nothing to export'}
            onClick={() => query.data && exportTable(query.data, range, by, metric, name)}
          >
            <Download size={14} aria-hidden />
            CSV
          </Button>
        </>
      }
    >
      {filters.length > 0 && (
        <ul className="flex flex-wrap gap-2" aria-label="Filters">
          {filters.map(filter => (
            <li
              key={filterText(filter)}
              className="inline-flex items-center rounded-m border border-edge bg-panel pl-2 text-sm"
            >
              <span className="text-ink-3">{filter.field.replaceAll('_', ' ')}</span>&nbsp;
              <span className="max-w-72 truncate">{name(filter.field, filter.value)}</span>
              <IconButton
                label={`Remove the filter ${filter.value}`}
                className="size-6"
                onClick={() => unfilter(filterText(filter))}
              >
                <X size={13} aria-hidden />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
      <Load query={query} what="Activity" lines={8}>
        {answer =>
          answer.whole.rows.length === 0 ? (
            <NoTraffic range={range} filtered={filters.length > 0} />
          ) : (
            <Chart
              answer={answer}
              range={range}
              by={by}
              metric={metric}
              name={name}
              narrow={value =>
                set({
                  where: [...(search.where ?? []), filterText({ field: by, value })],
                  by: by === 'model' ? 'provider' : 'model',
                })
              }
            />
          )
        }
      </Load>
      <p className="text-xs text-ink-3">
        The last 30 completed days by endpoint, from the server:{' '}
        <button
          type="button"
          className="text-accent underline"
          onClick={() => void download('api/v1/activity/export', 'activity.csv')}
        >
          activity.csv
        </button>
      </p>
    </Page>
  );
}

function NoTraffic({ range, filtered }: { range: Range; filtered: boolean }) {
  return (
    <Empty title="No traffic in this range">
      {filtered
        ? 'Nothing fits all of the filters. Take one away, or look at a longer range.'
        : `There was no request: ${rangeLabel(range).toLowerCase()}.`}{' '}
      {range !== '90d' && (
        <Link
          to="/activity"
          search={now => ({ ...now, range: '90d' as const })}
          className="text-accent underline"
        >
          Look at the last 90 days
        </Link>
      )}
    </Empty>
  );
}

type ChartProps = {
  answer: SeriesAnswer;
  range: Range;
  by: string;
  metric: Metric;
  name: Naming;
  narrow: (value: string) => void;
};
function Chart({ answer, range, by, metric, name, narrow }: ChartProps) {
  const [hovered, setHovered] = useState<number | null>(null);
  const granularity = granularityOf(range);
  const axis = useMemo(() => axisFormat(metric), [metric]);
  const isMoney = metric.display_format === 'currency';
  const chart = useMemo(
    () => overTime(answer.rows, range, metric.name, isMoney, row => String(row[by] ?? '')),
    [answer, range, metric, isMoney, by],
  );
  const moments = useMemo(() => buckets(stretch(range, Date.now()), granularity), [range, granularity]);
  const rows = useMemo(() => groups(answer, by, metric, moments.length), [answer, by, metric, moments]);
  const at = hovered === null ? undefined : moments[hovered];
  const inBucket = useMemo(
    () =>
      at === undefined
        ? null
        : new Map(
            answer.rows.filter(row => bucketOf(row, range) === at).map(row => [String(row[by] ?? ''), row]),
          ),
    [answer, at, range, by],
  );
  return (
    <>
      {(answer.whole.truncated || answer.warnings.length > 0) && (
        <p role="status" className="max-w-prose border-l-2 border-warn pl-3 text-ink-2">
          {answer.whole.truncated &&
            `There are more groups: the largest ${rows.length} are listed, and the chart has all. `}
          {answer.warnings.join('. ')}
        </p>
      )}
      {metric.is_rate ? (
        <p className="text-ink-3">
          {metric.display_label} cannot be added up, so that there is no chart of the groups on top of each
          other.
        </p>
      ) : (
        <StackedBars
          data={chart.drawn}
          granularity={granularity}
          axis={axis}
          height={240}
          onHover={setHovered}
          label={`${metric.display_label}, ${rangeLabel(range).toLowerCase()}, by ${by}. The table below has the figures.`}
        />
      )}
      <GroupTable
        rows={rows}
        metric={metric}
        nameOf={value => name(by, value)}
        order={chart.drawn.series.map(one => one.key)}
        bucket={
          at === undefined
            ? null
            : {
                label: `${bucketLabel(at, granularity)} UTC`,
                figure: key => (inBucket?.get(key)?.[metric.name] as number | string | null) ?? null,
              }
        }
        unit={granularity}
        onOpen={narrow}
      />
    </>
  );
}

/** What the books know by identity alone: a file has its name as well. */
const NAMED = ['api_key', 'user', 'workspace'];

/** What is on screen, to the last digit. */
function exportTable(answer: SeriesAnswer, range: Range, by: string, metric: Metric, name: Naming) {
  const isNamed = NAMED.includes(by);
  const head = ['time', by, ...(isNamed ? [`${by}_name`] : []), metric.name];
  const rows = answer.rows.map(row => {
    const value = String(row[by] ?? '');
    return [
      new Date(bucketOf(row, range)).toISOString(),
      value,
      ...(isNamed ? [name(by, value)] : []),
      plainFigure(row, metric),
    ];
  });
  save(new Blob([csv([head, ...rows])], { type: 'text/csv' }), `activity-${metric.name}-by-${by}.csv`);
}
