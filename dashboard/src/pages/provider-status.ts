import { bucketOf, figure, type Row } from '../api/analytics';
import type { Tick } from '../charts/ticks';
import { percent } from '../lib/format';
import { bucketLabel, buckets, granularityOf, type Range, stretch } from '../lib/moment';

export type ProviderStatus = {
  provider: string;
  requests: number;
  failures: number;
  share: number | null;
  ticks: Tick[];
};

/** How each provider did, busiest first. An interval without traffic is one, and not a good one. */
export function statuses(rows: Row[], range: Range, now = Date.now()): ProviderStatus[] {
  const granularity = granularityOf(range);
  const moments = buckets(stretch(range, now), granularity);
  const providers = new Map<string, Map<number, { requests: number; failures: number }>>();
  for (const row of rows) {
    const name = String(row.provider ?? '');
    // Requests that no provider was asked for tell nothing of any.
    if (!name) continue;
    const of = providers.get(name) ?? new Map();
    of.set(bucketOf(row, range), {
      requests: figure(row, 'request_count') ?? 0,
      failures: figure(row, 'failure_count') ?? 0,
    });
    providers.set(name, of);
  }
  const found = [...providers].map(([provider, of]): ProviderStatus => {
    const all = [...of.values()];
    const requests = all.reduce((total, one) => total + one.requests, 0);
    const failures = all.reduce((total, one) => total + one.failures, 0);
    const ticks = moments.map(at => {
      const one = of.get(at);
      const share = one?.requests ? 1 - one.failures / one.requests : null;
      const told = share === null ? 'no traffic' : `${percent(share)} of ${one?.requests}`;
      return { share, label: `${bucketLabel(at, granularity)}: ${told}` };
    });
    return { provider, requests, failures, share: requests ? 1 - failures / requests : null, ticks };
  });
  return found.sort((a, b) => b.requests - a.requests);
}
