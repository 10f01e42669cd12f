import { expect, it } from 'vitest';
import { statuses } from './provider-status';

const NOW = Date.parse('2026-11-26T14:27:00Z');
const row = (provider: string, hour: string, requests: number, failures: number) => ({
  provider,
  date__hour: `2026-11-26T${hour}:00:00.000Z`,
  request_count: requests,
  failure_count: failures,
});

it('no traffic is told as such, never as all well', () => {
  const [one] = statuses([row('Acme', '14', 10, 1)], '24h', NOW);
  expect(one?.share).toBe(0.9);
  expect(one?.ticks).toHaveLength(24);
  expect(one?.ticks.filter(tick => tick.share === null)).toHaveLength(23);
  expect(one?.ticks.at(-1)?.label).toBe('Nov 26, 14:00: 90% of 10');
});
it('the busiest comes first; requests without a provider are nobody’s', () => {
  const found = statuses([row('A', '13', 1, 0), row('', '13', 50, 50), row('B', '13', 2, 0)], '24h', NOW);
  expect(found.map(one => one.provider)).toEqual(['B', 'A']);
});
