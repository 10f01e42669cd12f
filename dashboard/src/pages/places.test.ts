import { expect, it } from 'vitest';
import { places } from './places';

it('ranks, shares, and remembers the place before', () => {
  const now = [
    { model: 'a', tokens: 1 },
    { model: 'b', tokens: 3 },
    { model: 'c', tokens: 0 },
  ];
  const before = [
    { model: 'a', tokens: 9 },
    { model: 'b', tokens: 1 },
  ];
  expect(places(now, before, 'model', 'tokens')).toEqual([
    { key: 'b', value: 3, share: 0.75, place: 1, before: 2 },
    { key: 'a', value: 1, share: 0.25, place: 2, before: 1 },
  ]);
  expect(places(now, [], 'model', 'tokens')[0]?.before).toBeNull();
});
