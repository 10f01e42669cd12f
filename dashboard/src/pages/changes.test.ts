import { expect, it } from 'vitest';
import { changes } from './changes';

it('tells what is different, and of new things what was set', () => {
  expect(changes({ name: 'a', limit: null, tags: [1] }, { name: 'b', limit: null, tags: [1] })).toEqual([
    { member: 'name', before: 'a', after: 'b' },
  ]);
  expect(changes(null, { name: 'a', limit: null })).toEqual([{ member: 'name', before: '', after: 'a' }]);
});

it('moments, money and people are told as they are read', () => {
  const after = {
    // More digits than a number keeps come as a text.
    created_at: '1795834944325762',
    limit_nano_usd: 2_500_000_000,
    created_by: 'user_1',
    name: 'x',
  };
  const name = (_: string, value: string) => (value === 'user_1' ? 'Ada' : value);
  expect(changes(null, after, name).map(one => [one.member, one.after])).toEqual([
    ['created_at', 'Nov 28, 2026, 03:02:24 UTC'],
    ['limit', '$2.50'],
    ['created_by', 'Ada'],
    ['name', 'x'],
  ]);
});
