import { expect, it } from 'vitest';
import type { MemberLimit } from '../../api/people';
import { perWindow, stateOf, tightest } from './limit-use';

const limit = (interval: string, of: number, used: number | null): MemberLimit => ({
  interval,
  limit_usd: of,
  include_byok: false,
  used_usd: used,
  remaining_usd: used === null ? null : Math.max(0, of - used),
  resets_at: interval === 'lifetime' ? null : '2026-12-01T00:00:00.000Z',
});

it('tells how much is used, and when it starts afresh', () => {
  expect(stateOf(limit('monthly', 4, 1))).toMatchObject({ share: 0.25, afresh: 'Dec 1' });
  expect(stateOf(limit('lifetime', 4, 5))).toMatchObject({ share: 1.25, left: 0n, afresh: null });
});
it('nothing allowed is all used, and what is not known is not nothing', () => {
  expect(stateOf(limit('daily', 0, 0)).share).toBe(1);
  expect(stateOf(limit('daily', 4, null))).toMatchObject({ share: null, used: null, left: null });
});
it('the limit with the least left binds, not the lowest one', () => {
  expect(tightest([limit('daily', 2, 0), limit('monthly', 10, 9)])?.interval).toBe('monthly');
  expect(tightest([limit('daily', 2, null), limit('monthly', 10, null)])?.interval).toBe('daily');
  expect(tightest([])).toBeNull();
});
it('names windows as they are spoken of', () => expect(perWindow('daily')).toBe('a day'));
