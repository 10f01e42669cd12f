import { expect, test } from 'vitest';
import { blame, ticksOf } from './ticks';

test('no traffic is not good traffic', () => {
  const at = '2026-11-26T10:00:00Z';
  const shares = ticksOf(
    {
      ticks: [
        { at, ok: 0, failed: 0 },
        { at, ok: 3, failed: 1 },
      ],
    },
    '24h',
  ).map(tick => tick.share);
  expect(shares).toEqual([null, 0.75]);
});

test('it is said whose fault it is', () => {
  const state = { name: 'Acme', credential: 'ok', breaker: 'closed' } as const;
  const of = (...types: string[]) => blame({ ...state, errors: types.map(type => ({ type, count: 1 })) });
  expect(of()).toBeNull();
  expect(of('provider_overloaded', 'timeout', 'authentication')).toContain('provider’s');
  expect(of('rate_limit_exceeded')).toContain('ours');
  expect(blame({ ...state, credential: 'rejected', errors: [] })).toContain('does not accept our key');
});
