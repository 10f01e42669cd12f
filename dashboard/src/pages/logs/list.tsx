import { useMemo } from 'react';
import { at } from '../../api/client';
import type { LogRow } from '../../api/generations';
import { count, duration, UNKNOWN } from '../../lib/format';
import { dateOf, dayOf, timeOf } from '../../lib/moment';
import { usdColumn } from '../../lib/money';
import { useNarrow } from '../../shell/use-narrow';
import { Button } from '../../ui/button';
import { useColumns } from '../../ui/columns';
import { Failure } from '../../ui/states';
import { type Column, VirtualTable } from '../../ui/table';
import { TrackDots } from '../../ui/track';

const outcome = (row: LogRow) =>
  row.status === 'failed' ? (
    <span className="text-bad">{row.errorType?.replaceAll('_', ' ') || 'failed'}</span>
  ) : row.status === 'cancelled' ? (
    'cancelled'
  ) : (
    row.finishReason?.replaceAll('_', ' ') || 'answered'
  );

/** Beside an open detail there is room for what tells rows apart, no more. */
const ALWAYS = ['time', 'model'];
const AT_FIRST_HIDDEN = ['app'];
const BESIDE = ['time', 'model', 'cost', 'outcome'];

function columnsOf(rows: LogRow[], isNarrow: boolean): Column<LogRow>[] {
  const money = usdColumn(rows.map(row => row.cost));
  const manyDays =
    !isNarrow && rows.length > 0 && dateOf(rows[0]?.createdAt ?? 0) !== dateOf(rows.at(-1)?.createdAt ?? 0);
  return [
    {
      key: 'time',
      label: 'Time, UTC',
      width: manyDays ? 7.4 : 5.5,
      cell: row => (
        <a
          href={at(`logs?id=${encodeURIComponent(row.id)}`)}
          aria-label={`${manyDays ? `${dayOf(row.createdAt)} ` : ''}${timeOf(row.createdAt)}, ${row.model}, open`}
          className="inline-block min-h-6 content-center text-ink-2 tabular-nums hover:underline"
          onClick={event => {
            // A plain press is the row's; any other is the browser's: a new tab, a new window.
            if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) event.stopPropagation();
            else event.preventDefault();
          }}
        >
          <time dateTime={row.createdAt}>
            {manyDays && `${dayOf(row.createdAt)} `}
            {timeOf(row.createdAt)}
          </time>
        </a>
      ),
    },
    {
      key: 'model',
      label: 'Model',
      width: 13,
      grows: true,
      cell: row => <code className="font-mono text-xs">{row.model}</code>,
    },
    {
      key: 'provider',
      label: 'Route',
      width: 8.5,
      goes: 2,
      cell: row => (
        <span className="flex items-center gap-2">
          <TrackDots stops={row.route} />
          <span className="truncate">{row.provider || UNKNOWN}</span>
        </span>
      ),
    },
    { key: 'outcome', label: 'Outcome', width: 6.5, cell: outcome },
    { key: 'key', label: 'Key', width: 6, goes: 4, cell: row => row.keyName || UNKNOWN },
    { key: 'app', label: 'Application', width: 8, goes: 5, cell: row => row.app ?? UNKNOWN },
    {
      key: 'in',
      label: 'In',
      width: 3.9,
      numeric: true,
      goes: 8,
      cell: row => count(row.promptTokens),
    },
    {
      key: 'out',
      label: 'Out',
      width: 3.9,
      numeric: true,
      goes: 6,
      cell: row => count(row.completionTokens),
    },
    {
      key: 'cost',
      label: 'Cost',
      width: 6.5,
      goes: 1,
      numeric: true,
      cell: row => (row.priceKnown ? money(row.cost) : UNKNOWN),
    },
    {
      key: 'first',
      label: 'First token',
      width: 5,
      numeric: true,
      goes: 7,
      cell: row => duration(row.firstToken),
    },
    {
      key: 'took',
      label: 'In all',
      width: 5,
      numeric: true,
      goes: 3,
      cell: row => duration(row.took),
    },
  ];
}

/** The columns that are wanted, and the control to choose them. */
export function useLogColumns(rows: LogRow[], isBeside: boolean) {
  const isNarrow = useNarrow();
  const all = useMemo(() => columnsOf(rows, isNarrow), [rows, isNarrow]);
  const [wanted, choice] = useColumns('logs', all, ALWAYS, AT_FIRST_HIDDEN);
  const columns = useMemo(
    () => (isBeside ? all.filter(column => BESIDE.includes(column.key)) : wanted),
    [all, wanted, isBeside],
  );
  return [columns, isBeside ? null : choice] as const;
}

type ListProps = {
  rows: LogRow[];
  columns: Column<LogRow>[];
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
export function List({ rows, columns, query, selected, show }: ListProps) {
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
