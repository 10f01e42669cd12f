import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { ExternalLink } from 'lucide-react';
import { useMemo } from 'react';
import { analyticsQuery, figure, type Row } from '../api/analytics';
import { providersQuery } from '../api/queries';
import { Ticks } from '../charts/ticks';
import { count, duration, percent, speed } from '../lib/format';
import { granularityOf, type Range } from '../lib/moment';
import { Page } from '../ui/page';
import { Roundel } from '../ui/roundel';
import { SelectRange } from '../ui/select-range';
import { Load } from '../ui/states';
import { type Column, Table } from '../ui/table';
import { FirstRequest } from './first-request';
import { type ProviderStatus, statuses } from './provider-status';

const route = getRouteApi('/status');
const MEASURED = ['first_token_mean', 'latency_p50', 'latency_p90', 'throughput_p50'];
const OFFERED: Range[] = ['1h', '24h', '7d', '30d', '90d'];

export function StatusPage() {
  const { range = '24h' } = route.useSearch();
  const navigate = route.useNavigate();
  const query = useQuery({
    ...analyticsQuery({
      metrics: ['request_count', 'failure_count'],
      dimensions: ['provider'],
      range,
      overTime: true,
    }),
    refetchInterval: 30_000,
  });
  return (
    <Page
      title="Provider status"
      note={`as seen by this gateway’s own traffic, by the ${granularityOf(range)}, UTC`}
      actions={
        <SelectRange
          value={range}
          offered={OFFERED}
          onChange={next => void navigate({ search: { range: next } })}
        />
      }
    >
      <Load query={query} what="Provider status" lines={6}>
        {({ rows }) => <Providers found={statuses(rows, range)} range={range} />}
      </Load>
    </Page>
  );
}

function Providers({ found, range }: { found: ProviderStatus[]; range: Range }) {
  const measured = useQuery(analyticsQuery({ metrics: MEASURED, dimensions: ['provider'], range }));
  const known = useQuery(providersQuery);
  const columns = useMemo(() => {
    const row = new Map(measured.data?.rows.map(one => [one.provider, one]));
    const page = new Map(known.data?.map(one => [one.name, one.status_page_url]));
    return columnsOf(
      range,
      one => row.get(one.provider),
      one => page.get(one.provider) ?? null,
    );
  }, [measured.data, known.data, range]);
  if (found.length === 0) return <FirstRequest title="No provider was asked in this time" />;
  return (
    <>
      <Table label="Providers" rows={found} columns={columns} rowKey={one => one.provider} />
      <p className="max-w-prose text-xs text-ink-3">
        A tall tick is an interval in which at least 99% of the answers were good, a middle one at least 95%,
        a short one fewer; a dot is an interval without traffic. Counted is how requests ended: an attempt
        that failed before another provider answered is in the log of its request.
      </p>
    </>
  );
}

function columnsOf(
  range: Range,
  measured: (one: ProviderStatus) => Row | undefined,
  statusPage: (one: ProviderStatus) => string | null,
): Column<ProviderStatus>[] {
  return [
    {
      key: 'provider',
      label: 'Provider',
      cell: one => (
        <span className="flex items-center gap-2 whitespace-nowrap">
          <Roundel name={one.provider} />
          <Link
            to="/activity"
            search={{ range, by: 'model', where: [`provider:${one.provider}`] }}
            className="font-semibold hover:underline"
          >
            {one.provider}
          </Link>
          {statusPage(one) && (
            <a
              href={statusPage(one) ?? undefined}
              target="_blank"
              rel="noreferrer noopener"
              className="text-ink-3 hover:text-ink"
              aria-label={`Status page of ${one.provider}`}
            >
              <ExternalLink size={13} aria-hidden />
            </a>
          )}
        </span>
      ),
    },
    {
      key: 'ticks',
      label: 'Answers',
      cell: one => <Ticks ticks={one.ticks} label={`${one.provider}: ${percent(one.share)} answered well`} />,
    },
    {
      key: 'share',
      label: 'Good',
      numeric: true,
      cell: one => (
        <span className={one.share !== null && one.share < 0.95 ? 'font-semibold text-bad' : ''}>
          {percent(one.share)}
        </span>
      ),
    },
    { key: 'requests', label: 'Requests', numeric: true, cell: one => count(one.requests) },
    { key: 'failures', label: 'Failed', numeric: true, cell: one => count(one.failures) },
    {
      key: 'first',
      label: 'First token',
      numeric: true,
      wide: true,
      cell: one => duration(figure(measured(one), 'first_token_mean')),
    },
    {
      key: 'p50',
      label: 'Latency p50',
      numeric: true,
      wide: true,
      cell: one => duration(figure(measured(one), 'latency_p50')),
    },
    {
      key: 'p90',
      label: 'Latency p90',
      numeric: true,
      wide: true,
      cell: one => duration(figure(measured(one), 'latency_p90')),
    },
    {
      key: 'speed',
      label: 'Speed p50',
      numeric: true,
      wide: true,
      cell: one => speed(figure(measured(one), 'throughput_p50')),
    },
  ];
}
