import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { analyticsQuery, type SeriesAnswer, seriesQuery, TOKENS } from '../api/analytics';
import { useNames } from '../api/names';
import { overTime } from '../charts/over-time';
import { StackedBars, seriesColour } from '../charts/stacked-bars';
import { count, percent } from '../lib/format';
import { granularityOf, type Range, rangeLabel } from '../lib/moment';
import { Choice } from '../ui/field';
import { Page } from '../ui/page';
import { Roundel } from '../ui/roundel';
import { SelectRange } from '../ui/select-range';
import { Load } from '../ui/states';
import { type Column, Name, Table } from '../ui/table';
import { FirstRequest } from './first-request';
import { authorOf } from './models/filter';
import { places, type Ranked, unnamed } from './places';

const route = getRouteApi('/rankings');
const TABS = [
  { value: 'model', label: 'Models' },
  { value: 'provider', label: 'Providers' },
  { value: 'app', label: 'Apps' },
  { value: 'api_key', label: 'API keys' },
] as const;
type Tab = (typeof TABS)[number]['value'];

const moved = (row: Ranked) => {
  if (row.before === null) return <span className="text-ink-3">new</span>;
  const step = row.before - row.place;
  if (step === 0) return <span className="text-ink-3">–</span>;
  return (
    <span className={step > 0 ? 'text-ok' : 'text-bad'}>
      <span aria-hidden>{step > 0 ? '▲' : '▼'}</span> {Math.abs(step)}
      <span className="sr-only">{step > 0 ? ' up' : ' down'}</span>
    </span>
  );
};

export function RankingsPage() {
  const { range = '30d', by = 'model' } = route.useSearch();
  const navigate = route.useNavigate();
  const now = useQuery(seriesQuery({ metric: TOKENS, by, range }));
  const before = useQuery(analyticsQuery({ metrics: [TOKENS.name], dimensions: [by], range, back: 1 }));
  const rows = useMemo(
    () => places(now.data?.whole.rows ?? [], before.data?.rows ?? [], by, 'tokens_total'),
    [now.data, before.data, by],
  );
  return (
    <Page
      title="Rankings"
      note={<p>by tokens through this gateway; days are UTC</p>}
      actions={
        <>
          <Choice
            label="What is ranked"
            value={by}
            options={TABS}
            onChange={next => void navigate({ search: old => ({ ...old, by: next }) })}
          />
          <SelectRange
            value={range}
            offered={['24h', '7d', '30d', '90d']}
            onChange={next => void navigate({ search: old => ({ ...old, range: next }) })}
          />
        </>
      }
    >
      <Load query={now} what="Rankings" lines={10}>
        {answer =>
          rows.length === 0 ? (
            <FirstRequest title="Rankings start with the first request" />
          ) : (
            <Ranking rows={rows} answer={answer} by={by} range={range} />
          )
        }
      </Load>
    </Page>
  );
}

type RankingProps = { rows: Ranked[]; answer: SeriesAnswer; by: Tab; range: Range };
function Ranking({ rows, answer, by, range }: RankingProps) {
  const name = useNames(by === 'api_key' ? rows.map(row => row.key) : []);
  const chart = useMemo(() => {
    // What names no application, or was answered by no provider, has no place, and no bar.
    const named = answer.rows.filter(row => row[by]);
    return overTime(named, range, TOKENS.name, false, row => String(row[by]));
  }, [answer, range, by]);
  const colour = new Map(chart.drawn.series.map((one, place) => [one.key, seriesColour(one.key, place)]));
  const top = rows[0]?.value ?? 1;
  const columns: Column<Ranked>[] = [
    { key: 'place', label: '#', numeric: true, cell: row => <span className="text-ink-3">{row.place}</span> },
    {
      key: 'name',
      label: TABS.find(tab => tab.value === by)?.label.replace(/s$/, '') ?? '',
      cell: row => (
        <span className="flex items-center gap-2">
          <Roundel name={by === 'model' ? authorOf(row.key) : name(by, row.key)} />
          <Link
            to="/activity"
            search={{ range, where: [`${by}:${row.key}`], by: by === 'model' ? 'provider' : 'model' }}
            className="font-semibold hover:underline"
          >
            <Name text={name(by, row.key)} />
          </Link>
        </span>
      ),
    },
    {
      key: 'share',
      label: 'Share',
      from: 40,
      cell: row => (
        <span className="flex min-w-28 items-center lg:min-w-40 gap-2">
          <span
            className="painted h-2 rounded-s"
            style={{
              width: `${(row.value / top) * 75}%`,
              background: `var(${colour.get(row.key) ?? '--s0'})`,
            }}
          />
          <span className="text-xs text-ink-3">{percent(row.share)}</span>
        </span>
      ),
    },
    { key: 'tokens', label: 'Tokens', numeric: true, cell: row => count(row.value) },
    { key: 'moved', label: 'Moved', numeric: true, cell: moved },
  ];
  return (
    <>
      <StackedBars
        data={chart.drawn}
        granularity={granularityOf(range)}
        axis={count}
        height={180}
        label={`Tokens, ${rangeLabel(range).toLowerCase()}. ${chart.drawn.series.map(one => `${name(by, one.key)} ${count(one.total)}`).join(', ')}`}
      />
      {answer.whole.truncated && (
        <p className="text-ink-3">The largest {rows.length} are listed; there are more.</p>
      )}
      {by === 'app' && unnamed(rows) >= 0.00005 && (
        <p className="text-ink-3">
          Shares are of all tokens: {percent(unnamed(rows))} of them went to requests that name no
          application.
        </p>
      )}
      <Table label="Ranking by tokens" rows={rows} columns={columns} rowKey={row => row.key} first={100} />
    </>
  );
}
