import { expect, test } from 'vitest';
import { exact } from './exact';
import { exportAddress, rowOf, timesOf, toldBy } from './generations';

const given = {
  id: 'gen-1',
  created_at: '2026-11-26T10:00:00.000Z',
  model: 'a/b',
  provider_name: null,
  route: [{ provider: 'Acme', status: 503, error: 'provider_overloaded', ms: 12 }],
  api_key: { hash: 'f0', name: null },
  app: null,
  user: null,
  session_id: null,
  tokens_prompt: 0,
  tokens_completion: 0,
  tokens_cached: null,
  tokens_reasoning: null,
  cost: null,
  first_token_ms: null,
  latency_ms: 12,
  generation_time_ms: 30,
  speed: null,
  status: 'failed' as const,
  finish_reason: null,
  error_type: 'provider_overloaded',
  streamed: false,
};

test('what the server does not know stays unknown', () => {
  const row = rowOf(given);
  expect([row.priceKnown, row.firstToken, row.provider, row.keyName]).toEqual([false, null, null, '']);
  expect(row.route).toEqual([{ provider: 'Acme', status: 503, error: 'provider_overloaded', latency: 12 }]);
});

test('an amount keeps all its digits', () => {
  expect(rowOf({ ...given, cost: '0.000000001' }).cost).toBe(1n);
});

test('a file is asked for with the filters of the list', () => {
  const filter = { from: '2026-11-01T00:00:00Z', model: 'a/b', status: 'failed', app: undefined } as const;
  expect(exportAddress(filter)).toBe(
    'api/internal/generations/export?from=2026-11-01T00%3A00%3A00Z&model=a%2Fb&status=failed',
  );
});

test('the live stream tells of rows, that it listens, and of what went by unseen, in either way', () => {
  const told = [
    { comment: 'listening' },
    { comment: 'some rows went by unseen: read the list again' },
    { event: 'missed', data: '' },
    { comment: 'anything else' },
    { event: 'generation', data: JSON.stringify({ ...given, cost: 1.000000000000001 }) },
  ].map(part => toldBy(part, exact));
  expect(told.slice(0, 4)).toEqual(['listening', 'missed', 'missed', null]);
  expect(told[4]).toEqual(rowOf({ ...given, cost: '1.000000000000001' }));
});

test('the time until the first of an answer is a part of all of it, and not of writing', () => {
  expect(rowOf({ ...given, latency_ms: 1500, generation_time_ms: 4000 }).took).toBe(4000);
  expect(timesOf({ latency: 1500, elapsed: 4000, tokens: 50 })).toEqual({
    all: 4000,
    writing: 2500,
    speed: 20,
  });
  expect(timesOf({ latency: 30, elapsed: 30, tokens: 50 })).toEqual({ all: 30, writing: 0, speed: null });
});
