import { expect, it } from 'vitest';
import { isExpired, isInUse } from './order';

it('knows what has ended and what is in use', () => {
  const now = Date.parse('2026-11-26T12:00:00Z');
  expect(isExpired({ expires_at: '2026-11-26T11:00:00Z' }, now)).toBe(true);
  expect(isExpired({ expires_at: null }, now)).toBe(false);
  expect(isInUse({ last_used_at: '2026-11-20T00:00:00Z' }, now)).toBe(true);
  expect(isInUse({ last_used_at: '2026-11-01T00:00:00Z' }, now)).toBe(false);
});
