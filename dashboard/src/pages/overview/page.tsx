import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { analyticsQuery, figure, money, OVERVIEW_TOTALS, SPEND, seriesQuery } from '../../api/analytics';
import { overTime } from '../../charts/over-time';
import { StackedBars, Swatch } from '../../charts/stacked-bars';
import { change, count, percent } from '../../lib/format';
import { granularityOf, type Range, rangeLabel } from '../../lib/moment';
import { toNumber, usd, usdColumn, usdExact } from '../../lib/money';
import { Figures, Page, Section } from '../../ui/page';
import { SelectRange } from '../../ui/select-range';
import { Load } from '../../ui/states';
import { FirstRequest } from '../first-request';
import { KeysNearLimit, LastFailures, ProvidersToday } from './panels';

const route = getRouteApi('/');

export function OverviewPage() {
  const { range = '30d' } = route.useSearch();
  const navigate = route.useNavigate();
  const now = useQuery({
    ...analyticsQuery({ metrics: OVERVIEW_TOTALS, range }),
    refetchInterval: query => (figure(query.state.data?.rows[0], 'request_count') ? 60_000 : 3_000),
  });
  const [first] = now.data?.rows ?? [];
  const row = figure(first, 'request_count') ? first : undefined;
  return (
    <Page
      title="Overview"
      note="days are UTC"
      actions={<SelectRange value={range} onChange={next => void navigate({ search: { range: next } })} />}
    >
      {now.data && !row ? (
        <FirstRequest
          title={range === '30d' ? undefined : `No traffic: ${rangeLabel(range).toLowerCase()}`}
        />
      ) : (
        <>
          <Load query={now} what="The figures" lines={3}>
            {() => row && <Totals range={range} now={row} />}
          </Load>
          {/* Asked about while the figures are: what is slow is waited for once. */}
          <div className="grid grid-cols-[minmax(0,1fr)_20rem] gap-x-10 gap-y-8 max-lg:grid-cols-1">
            <SpendByModel range={range} />
            <div className="grid content-start gap-8">
              <ProvidersToday />
              <KeysNearLimit />
              <LastFailures />
            </div>
          </div>
        </>
      )}
    </Page>
  );
}

function Totals({ range, now }: { range: Range; now: Record<string, unknown> }) {
  const { data } = useQuery(analyticsQuery({ metrics: OVERVIEW_TOTALS, range, back: 1 }));
  const row = now as Parameters<typeof figure>[0] & object;
  const before = data?.rows[0];
  const against = (current: number, metric: string, isMoney = false) => {
    const past = before ? (isMoney ? toNumber(money(before, metric)) : (figure(before, metric) ?? 0)) : 0;
    const told = change(current, past);
    return told ? `${told} against the time before` : ' ';
  };
  const [spend, requests, tokens] = [
    money(row, 'total_usage'),
    figure(row, 'request_count') ?? 0,
    figure(row, 'tokens_total') ?? 0,
  ];
  const link = (metric: string, text: string) => (
    <Link to="/activity" search={{ range, metric }} className="hover:text-accent hover:underline">
      {text}
    </Link>
  );
  return (
    <Figures
      figures={[
        {
          label: 'Spend',
          value: link('total_usage', usd(spend)),
          note: against(toNumber(spend), 'total_usage', true),
          title: usdExact(spend),
        },
        {
          label: 'Requests',
          value: link('request_count', count(requests)),
          note: against(requests, 'request_count'),
        },
        {
          label: 'Tokens',
          value: link('tokens_total', count(tokens)),
          note: against(tokens, 'tokens_total'),
        },
        {
          label: 'Failed',
          value: link('failure_rate', percent(figure(row, 'failure_rate'))),
          note:
            before && figure(before, 'request_count')
              ? `${percent(figure(before, 'failure_rate'))} in the time before`
              : ' ',
        },
      ]}
    />
  );
}

function SpendByModel({ range }: { range: Range }) {
  const query = useQuery(seriesQuery({ metric: SPEND, by: 'model', range }));
  const data = useMemo(
    () => overTime(query.data?.rows ?? [], range, 'total_usage', true, row => String(row.model)),
    [query.data, range],
  );
  const series = data.amounts?.series ?? [];
  const column = usdColumn(series.map(one => one.total));
  return (
    <Section title="Spend by model" note={rangeLabel(range)}>
      <Load query={query} what="Spend by model" lines={8}>
        {() => (
          <>
            <StackedBars
              data={data.drawn}
              granularity={granularityOf(range)}
              axis={value => usd(BigInt(Math.round(value * 1e9)))}
              height={240}
              label={`Spend by model, ${rangeLabel(range).toLowerCase()}. ${series.map(one => `${one.key} ${usd(one.total)}`).join(', ')}`}
            />
            <table className="mt-3 w-full text-sm" aria-label="Spend by model">
              <tbody>
                {series.map((one, place) => (
                  <tr key={one.key} className="border-t border-rule">
                    <th scope="row" className="py-1 text-left font-normal wrap-anywhere">
                      <Swatch series={one.key} place={place} />
                      {one.key === 'Other' ? (
                        one.key
                      ) : (
                        <Link
                          to="/activity"
                          search={{ range, by: 'provider', where: [`model:${one.key}`] }}
                          className="font-mono text-xs hover:text-accent hover:underline"
                        >
                          {one.key}
                        </Link>
                      )}
                    </th>
                    <td className="num">{column(one.total)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </>
        )}
      </Load>
    </Section>
  );
}
