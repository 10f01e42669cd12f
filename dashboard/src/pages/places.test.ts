import { expect, it } from 'vitest';
import { places, unnamed } from './places';

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

it('a share is one of all, as on every other page, and what has no name has no place', () => {
  const rows = [
    { app: 'notes', tokens: 1 },
    { app: '', tokens: 3 },
  ];
  const ranked = places(rows, [], 'app', 'tokens');
  expect(ranked.map(one => [one.key, one.share])).toEqual([['notes', 0.25]]);
  expect(unnamed(ranked)).toBe(0.75);
});
