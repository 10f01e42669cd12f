/** What the pages with the most to add up ask first: it is asked while their programs are still on the
    way. A page asks the same by itself, and gets the answer that is under way. */
import type { QueryClient, QueryKey } from '@tanstack/react-query';
import { analyticsQuery, OVERVIEW_TOTALS, SPEND, seriesQuery, TOKENS } from './api/analytics';
import { FILTERS, type LogFilter } from './api/filters';
import { histogramQuery, lastFailuresQuery, logsQuery } from './api/generations';
import { firstKeysQuery, NEAR_LIMIT } from './api/queries';
import { providerStatesQuery } from './api/server';
import type { ActivitySearch, LogsSearch, OverviewSearch, RankingsSearch, StatusSearch } from './search';
import { readFilter } from './search';

/** A question, and how it is asked. */
export type Ask = (client: QueryClient) => { key: QueryKey; begin: () => Promise<void> };

const series =
  (...question: Parameters<typeof seriesQuery>): Ask =>
  client => {
    const query = seriesQuery(...question);
    return { key: query.queryKey, begin: () => client.prefetchQuery(query) };
  };
const analytics =
  (...question: Parameters<typeof analyticsQuery>): Ask =>
  client => {
    const query = analyticsQuery(...question);
    return { key: query.queryKey, begin: () => client.prefetchQuery(query) };
  };
const states =
  (...which: Parameters<typeof providerStatesQuery>): Ask =>
  client => {
    const query = providerStatesQuery(...which);
    return { key: query.queryKey, begin: () => client.prefetchQuery(query) };
  };
const keysNearLimit: Ask = client => {
  const query = firstKeysQuery(NEAR_LIMIT);
  return { key: query.queryKey, begin: () => client.prefetchQuery(query) };
};
const lastFailures: Ask = client => ({
  key: lastFailuresQuery.queryKey,
  begin: () => client.prefetchQuery(lastFailuresQuery),
});
const logs =
  (filter: LogFilter): Ask =>
  client => {
    const query = logsQuery(filter);
    return { key: query.queryKey, begin: () => client.prefetchInfiniteQuery(query) };
  };
const histogram =
  (filter: LogFilter): Ask =>
  client => {
    const query = histogramQuery(filter);
    return { key: query.queryKey, begin: () => client.prefetchQuery(query) };
  };

export const overviewBegins = ({ range = '30d' }: OverviewSearch): Ask[] => [
  analytics({ metrics: OVERVIEW_TOTALS, range }),
  series({ metric: SPEND, by: 'model', range }),
  states('24h'),
  keysNearLimit,
  lastFailures,
];

export const activityBegins = ({ range = '30d', metric, by, where = [] }: ActivitySearch): Ask[] => {
  // Other figures and groups are for the server to name first.
  if (metric || by) return [];
  const filters = where.map(readFilter).filter(one => one !== null);
  return [series({ metric: SPEND, by: 'model', filters, range })];
};

export const rankingsBegin = ({ range = '30d', by = 'model' }: RankingsSearch): Ask[] => [
  series({ metric: TOKENS, by, range }),
  analytics({ metrics: [TOKENS.name], dimensions: [by], range, back: 1 }),
];

export const logsBegin = (search: LogsSearch): Ask[] => {
  // A range ends now, which is another moment once the page is there.
  if (search.range) return [];
  const filter: LogFilter = Object.fromEntries(FILTERS.map(name => [name, search[name]]));
  return [logs(filter), histogram(filter)];
};

export const statusBegins = ({ window = '24h' }: StatusSearch): Ask[] => [states(window)];

/** Asks what was never asked. */
export function begin(client: QueryClient, asks: Ask[]) {
  for (const ask of asks) {
    const { key, begin } = ask(client);
    if (!client.getQueryState(key)) void begin();
  }
}
