import { expect, it } from 'vitest';
import { buckets, granularityOf, resetsAt, stretch, withMoments } from './moment';

const NOW = Date.parse('2026-11-26T14:27:07.158Z');

it('a range ends with the bucket that runs, and the one before joins it', () => {
  expect(stretch('24h', NOW)).toEqual({ start: '2026-11-25T15:00:00.000Z', end: '2026-11-26T15:00:00.000Z' });
  expect(stretch('24h', NOW, 1).end).toBe(stretch('24h', NOW).start);
  expect(stretch('30d', NOW).end).toBe('2026-11-27T00:00:00.000Z');
});
it('every bucket of a stretch is there, with traffic or without', () => {
  for (const [range, length] of [
    ['1h', 60],
    ['24h', 24],
    ['7d', 7],
    ['30d', 30],
  ] as const) {
    expect(buckets(stretch(range, NOW), granularityOf(range))).toHaveLength(length);
  }
});
it('tells when a limit starts afresh: days at midnight, weeks on Monday, months on the first', () => {
  expect(['daily', 'weekly', 'monthly', null].map(one => resetsAt(one, NOW))).toEqual([
    'Nov 27',
    'Nov 30',
    'Dec 1',
    'never',
  ]);
  expect(resetsAt('weekly', Date.parse('2026-11-30T00:00:00Z'))).toBe('Dec 7');
  expect(resetsAt('weekly', Date.parse('2026-11-29T12:00:00Z'))).toBe('Nov 30');
});

it('moments in what the server says are written as others are', () => {
  expect(withMoments('Try again after 2026-11-28T03:02:24.325Z.')).toBe(
    'Try again after 03:02:24 UTC on Nov 28, 2026.',
  );
});
