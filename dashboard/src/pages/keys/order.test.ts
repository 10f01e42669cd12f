import { expect, it } from 'vitest';
import type { Key } from '../../api/queries';
import { filterKeys, isExpired, isInUse, orderKeys } from './order';

const key = (name: string, usage: number | string, limit: number | null = null) =>
  ({
    name,
    label: `sk-${name}`,
    usage_monthly: usage,
    limit,
    created_at: name,
    last_used_at: null,
    expires_at: null,
  }) as unknown as Key;
const keys = [key('b', '0.3'), key('a', 0.1, 5), key('c', '9007199.254740993')];
const names = (found: Key[]) => found.map(one => one.name).join('');

it('orders by exact amounts, and puts what is not set last', () => {
  expect(names(orderKeys(keys, 'month', true))).toBe('cba');
  expect(names(orderKeys(keys, 'limit', true))[0]).toBe('a');
  expect(names(orderKeys(keys, 'limit', false))[0]).toBe('a');
});
it('filters by name and label', () => expect(names(filterKeys(keys, 'SK-A'))).toBe('a'));
it('knows what has ended and what is in use', () => {
  const now = Date.parse('2026-11-26T12:00:00Z');
  expect(isExpired({ expires_at: '2026-11-26T11:00:00Z' }, now)).toBe(true);
  expect(isExpired({ expires_at: null }, now)).toBe(false);
  expect(isInUse({ last_used_at: '2026-11-20T00:00:00Z' }, now)).toBe(true);
  expect(isInUse({ last_used_at: '2026-11-01T00:00:00Z' }, now)).toBe(false);
});
