import { expect, it } from 'vitest';
import { AMOUNTS, NUMBERS, OTHER, stack } from './stack';

const points = [
  { at: 1, key: 'a', value: 1 },
  { at: 2, key: 'a', value: 2 },
  { at: 1, key: 'b', value: 10 },
  { at: 2, key: 'c', value: 3 },
];
it('keeps the largest, folds the rest, loses nothing', () => {
  const { series } = stack(points, [1, 2, 3], NUMBERS, 1);
  expect(series.map(one => [one.key, one.total, one.values])).toEqual([
    ['b', 10, [10, 0, 0]],
    [OTHER, 6, [1, 5, 0]],
  ]);
});
it('stacks upwards, and moments without traffic are there', () => {
  const { series } = stack(points, [1, 2, 3], NUMBERS);
  expect(series.at(-1)?.upper).toEqual([11, 5, 0]);
});
it('adds amounts exactly', () => {
  const { series } = stack(
    [
      { at: 1, key: 'a', value: 9_007_199_254_740_993n },
      { at: 1, key: 'a', value: 1n },
    ],
    [1],
    AMOUNTS,
  );
  expect(series[0]?.total).toBe(9_007_199_254_740_994n);
});
it('what comes as the rest is the last, however much it is', () => {
  const { series } = stack([...points, { at: 3, key: OTHER, value: 99 }], [1, 2, 3], NUMBERS, 2);
  expect(series.map(one => [one.key, one.values])).toEqual([
    ['b', [10, 0, 0]],
    ['a', [1, 2, 0]],
    [OTHER, [0, 3, 99]],
  ]);
});
