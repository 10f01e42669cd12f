import { expect, test } from 'vitest';
import { placesOf } from './places';

test('an endpoint that is tried with two keys has both places, the first of them first', () => {
  const attempts = [
    { tag: 'acme', why: ['cheapest'] },
    { tag: 'zenith', why: [] },
    { tag: 'acme', why: ['its second key', 'cheapest'] },
  ];
  const places = placesOf(attempts);
  expect(places.get('acme')).toEqual([
    { at: 1, why: 'cheapest' },
    { at: 3, why: 'its second key; cheapest' },
  ]);
  expect(places.get('zenith')?.[0]?.at).toBe(2);
  expect(places.get('nobody')).toBeUndefined();
});
