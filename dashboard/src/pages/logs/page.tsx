import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { Download } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { download } from '../../api/client';
import { exportAddress, type LogFilter, type LogRow, logPage, logsQuery } from '../../api/generations';
import { useNames } from '../../api/names';
import { keysQuery, modelsQuery } from '../../api/queries';
import { count, duration, UNKNOWN } from '../../lib/format';
import { dateOf, type Range, rangeLabel, stretch, timeOf } from '../../lib/moment';
import { usdColumn } from '../../lib/money';
import type { LogsSearch } from '../../search';
import { useKeys } from '../../shell/shortcuts';
import { Button } from '../../ui/button';
import { copyText } from '../../ui/copy';
import { Input, Select } from '../../ui/field';
import { Page } from '../../ui/page';
import { SelectRange } from '../../ui/select-range';
import { Empty, Failure, Load } from '../../ui/states';
import { type Column, VirtualTable } from '../../ui/table';
import { TrackDots } from '../../ui/track';
import { FirstRequest } from '../first-request';
import { LogDetail } from './detail';
import { Histogram } from './histogram';

const route = getRouteApi('/logs');

const outcome = (row: LogRow) =>
  row.status >= 400 ? (
    <span className="text-bad">{row.errorType.replaceAll('_', ' ') || 'failed'}</span>
  ) : row.cancelled ? (
    'cancelled'
  ) : (
    row.finishReason.replaceAll('_', ' ') || 'answered'
  );

/** Beside an open detail there is room for what tells rows apart, no more. */
const BESIDE = ['time', 'model', 'provider', 'cost', 'status'];

function columnsOf(rows: LogRow[], name: (dimension: string, value: string) => string): Column<LogRow>[] {
  const money = usdColumn(rows.map(row => row.cost));
  const manyDays = rows.length > 0 && dateOf(rows[0]?.createdAt ?? 0) !== dateOf(rows.at(-1)?.createdAt ?? 0);
  return [
    {
      key: 'time',
      label: 'Time, UTC',
      width: manyDays ? 'min(10.5rem, 24vw)' : '5.5rem',
      cell: row => (
        <time dateTime={row.createdAt} className="text-ink-2 tabular-nums">
          {manyDays && <span className="max-md:hidden">{dateOf(row.createdAt)} </span>}
          {timeOf(row.createdAt)}
        </time>
      ),
    },
    { key: 'model', label: 'Model', cell: row => <code className="font-mono text-xs">{row.model}</code> },
    {
      key: 'provider',
      label: 'Route',
      width: '10rem',
      wide: true,
      cell: row => (
        <span className="flex items-center gap-2">
          <TrackDots stops={[{ provider: row.provider || 'No provider', status: row.status }]} />
          <span className="truncate">{row.provider || UNKNOWN}</span>
        </span>
      ),
    },
    { key: 'outcome', label: 'Outcome', width: '7rem', wide: true, cell: outcome },
    { key: 'key', label: 'Key', width: '8rem', wide: true, cell: row => name('api_key', row.keyHash) },
    {
      key: 'in',
      label: 'In',
      width: '4.2rem',
      numeric: true,
      wide: true,
      cell: row => count(row.promptTokens),
    },
    {
      key: 'out',
      label: 'Out',
      width: '4.2rem',
      numeric: true,
      wide: true,
      cell: row => count(row.completionTokens),
    },
    {
      key: 'cost',
      label: 'Cost',
      width: '5.5rem',
      numeric: true,
      cell: row => (row.priceKnown ? money(row.cost) : UNKNOWN),
    },
    {
      key: 'latency',
      label: 'First token',
      width: '5.8rem',
      numeric: true,
      wide: true,
      cell: row => duration(row.latency),
    },
    {
      key: 'status',
      label: 'Status',
      width: '4rem',
      numeric: true,
      cell: row => (
        <span className={`font-mono text-xs ${row.status >= 400 ? 'text-bad' : 'text-ok'}`}>
          {row.status}
        </span>
      ),
    },
  ];
}

/** How many requests came since the list was read: they wait, so that nothing moves under the reader. */
function useNewer(filter: LogFilter, newest: LogRow | undefined): number {
  const query = useQuery({
    queryKey: ['logs-newer', filter, newest?.id],
    enabled: newest !== undefined && filter.until === undefined,
    refetchInterval: 5_000,
    queryFn: ({ signal }) => logPage({ ...filter, from: newest?.createdAt }, null, signal),
  });
  const at = query.data?.rows.findIndex(row => row.id === newest?.id) ?? 0;
  return at < 0 ? (query.data?.rows.length ?? 0) : at;
}

export function LogsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const set = (patch: Partial<LogsSearch>) =>
    void navigate({ search: now => ({ ...now, ...patch }), replace: true });
  const filter = useMemo<LogFilter>(
    () => ({
      from: search.range ? stretch(search.range, Date.now()).start : undefined,
      model: search.model,
      key: search.key,
      session: search.session,
    }),
    [search.range, search.model, search.key, search.session],
  );
  const query = useInfiniteQuery({ ...logsQuery(filter), refetchOnWindowFocus: false });
  const rows = useMemo(() => query.data?.pages.flatMap(page => page.rows) ?? [], [query.data]);
  const isFiltered = Boolean(search.model || search.key || search.session || search.range);
  const newer = useNewer(filter, rows[0]);
  const show = (id?: string) =>
    void navigate({ search: now => ({ ...now, id }), replace: Boolean(search.id) });

  const at = rows.findIndex(row => row.id === search.id);
  const step = (by: number) => {
    const next = rows[at + by];
    if (next) show(next.id);
  };
  useKeys({
    j: () => step(1),
    k: () => at > 0 && step(-1),
    Escape: () => search.id && show(),
    c: () => search.id && void copyText(search.id),
  });
  // While there is nothing at all, the page listens for the first request.
  const isEmpty = query.data !== undefined && rows.length === 0;
  const refetch = query.refetch;
  useEffect(() => {
    if (!isEmpty) return;
    const timer = setInterval(() => void refetch(), 3_000);
    return () => clearInterval(timer);
  }, [isEmpty, refetch]);

  const status = `${rows.length}${query.hasNextPage ? ' and more' : ''} ${rows.length === 1 ? 'request' : 'requests'}${search.range ? `, ${rangeLabel(search.range).toLowerCase()}` : ''}`;
  return (
    <div className="flex h-full">
      <div className={`h-full min-w-0 flex-1 ${search.id ? 'max-lg:hidden' : ''}`}>
        <Page
          fill
          title="Logs"
          note={<p role="status">{query.data ? status : ''}</p>}
          actions={
            <>
              {newer > 0 && (
                <Button kind="primary" onClick={() => void query.refetch()}>
                  {newer >= 100 ? '100 and more' : newer} new
                </Button>
              )}
              <Button
                onClick={() => void download(exportAddress(filter), 'generations.csv')}
                reason={rows.length === 0 && 'There is nothing to export'}
              >
                <Download size={14} aria-hidden />
                CSV
              </Button>
            </>
          }
        >
          <Filters search={search} set={set} />
          <Histogram range={search.range} model={search.model} apiKey={search.key} />
          <Load query={query} what="Requests" lines={12}>
            {() =>
              rows.length > 0 ? (
                <List rows={rows} query={query} selected={search.id} show={show} />
              ) : isFiltered ? (
                <Empty title="No request fits these filters">
                  <Link to="/logs" className="text-accent underline">
                    Show all requests
                  </Link>
                </Empty>
              ) : (
                <FirstRequest />
              )
            }
          </Load>
        </Page>
      </div>
      {search.id && <LogDetail key={search.id} id={search.id} onClose={() => show()} />}
    </div>
  );
}

type ListProps = {
  rows: LogRow[];
  query: {
    hasNextPage: boolean;
    isFetchingNextPage: boolean;
    isFetchNextPageError: boolean;
    error: Error | null;
    fetchNextPage: () => unknown;
  };
  selected?: string;
  show: (id: string) => void;
};
function List({ rows, query, selected, show }: ListProps) {
  const name = useNames();
  const isBeside = selected !== undefined;
  const columns = useMemo(
    () => columnsOf(rows, name).filter(column => !isBeside || BESIDE.includes(column.key)),
    [rows, name, isBeside],
  );
  return (
    <VirtualTable
      label="Requests"
      rows={rows}
      columns={columns}
      rowKey={row => row.id}
      rowHeight={32}
      selected={selected ?? ''}
      onOpen={row => show(row.id)}
      foot={
        query.hasNextPage && (
          <div className="p-3">
            {query.isFetchNextPageError && query.error ? (
              <Failure what="Older requests" error={query.error} onRetry={() => void query.fetchNextPage()} />
            ) : (
              <Button onClick={() => void query.fetchNextPage()} disabled={query.isFetchingNextPage}>
                {query.isFetchingNextPage ? 'Loading…' : 'Load older'}
              </Button>
            )}
          </div>
        )
      }
    />
  );
}

/** A field whose text goes into the address when the writer pauses. */
function LateInput({
  value,
  onChange,
  ...rest
}: { value: string; onChange: (value: string) => void } & Omit<
  React.InputHTMLAttributes<HTMLInputElement>,
  'value' | 'onChange'
>) {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => setText(value), [value]);
  return (
    <Input
      {...rest}
      value={text}
      onChange={event => {
        const next = event.target.value;
        setText(next);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => onChange(next.trim()), 400);
      }}
    />
  );
}

function Filters({ search, set }: { search: LogsSearch; set: (patch: Partial<LogsSearch>) => void }) {
  const models = useQuery(modelsQuery);
  const keys = useInfiniteQuery(keysQuery());
  const isFiltered = search.model || search.key || search.session || search.range;
  return (
    <search>
      <form className="flex flex-wrap items-center gap-2" onSubmit={event => event.preventDefault()}>
        <SelectOptionalRange value={search.range} onChange={range => set({ range })} />
        <LateInput
          type="search"
          aria-label="Model"
          placeholder="Any model"
          list="logged-models"
          className="w-64"
          value={search.model ?? ''}
          onChange={model => set({ model: model || undefined })}
        />
        <datalist id="logged-models">
          {models.data?.map(model => (
            <option key={model.id} value={model.id} />
          ))}
        </datalist>
        <Select
          aria-label="Key"
          className="max-w-44"
          value={search.key ?? ''}
          onChange={event => set({ key: event.target.value || undefined })}
        >
          <option value="">Any key</option>
          {keys.data?.pages.flat().map(key => (
            <option key={key.hash} value={key.hash}>
              {key.name}
            </option>
          ))}
        </Select>
        <LateInput
          aria-label="Session"
          placeholder="Any session"
          className="w-40"
          value={search.session ?? ''}
          onChange={session => set({ session: session || undefined })}
        />
        {isFiltered && (
          <Button
            kind="quiet"
            onClick={() => set({ range: undefined, model: undefined, key: undefined, session: undefined })}
          >
            Clear filters
          </Button>
        )}
      </form>
    </search>
  );
}

function SelectOptionalRange({ value, onChange }: { value?: Range; onChange: (range?: Range) => void }) {
  if (value) return <SelectRange value={value} onChange={onChange} />;
  return (
    <Select
      aria-label="Range"
      className="max-w-36"
      value=""
      onChange={event => onChange(event.target.value as Range)}
    >
      <option value="">Any time</option>
      {(['1h', '24h', '7d', '30d', '90d'] as const).map(range => (
        <option key={range} value={range}>
          {rangeLabel(range)}
        </option>
      ))}
    </Select>
  );
}
