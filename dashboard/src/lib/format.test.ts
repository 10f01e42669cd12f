import { expect, it } from 'vitest';
import { change, contextLength, count, duration, percent, percentileTime, speed } from './format';

it('shortens counts from ten thousand on', () => {
  expect([count(0), count(9999), count(12_345), count(null)]).toEqual(['0', '9,999', '12.3K', '–']);
});
it('never rounds a share up to all, nor down to nothing', () => {
  expect([
    percent(1),
    percent(0.99996),
    percent(0.998),
    percent(0.5),
    percent(0),
    percent(0.00001),
    percent(null),
  ]).toEqual(['100%', '99.99%', '99.80%', '50%', '0%', '<0.01%', '–']);
  expect([percent(0.00006), percent(0.0003), percent(0.00049), percent(0.0015)]).toEqual([
    '0.01%',
    '0.03%',
    '0.05%',
    '0.1%',
  ]);
});
it('names context lengths as people say them', () => {
  expect([131_072, 1_048_576, 200_000, 2_000_000, 512, null].map(contextLength)).toEqual([
    '128K',
    '1M',
    '200K',
    '2M',
    '512',
    '–',
  ]);
});
it('rounds durations before it chooses their unit', () => {
  expect([999.4, 999.6, 59_994, 59_999, 119_700, 3_599_700].map(duration)).toEqual([
    '999 ms',
    '1.00 s',
    '59.99 s',
    '1 min 0 s',
    '2 min 0 s',
    '60 min 0 s',
  ]);
});
it('writes durations in the unit that is read', () => {
  expect([0.2, 12.4, 1_234, 90_000, null].map(duration)).toEqual([
    '<1 ms',
    '12 ms',
    '1.23 s',
    '1 min 30 s',
    '–',
  ]);
});
it('tells changes, and nothing where there was nothing', () => {
  expect([change(150, 100), change(50, 100), change(100, 100), change(1, 0), change(5000, 10)]).toEqual([
    '+50%',
    '−50%',
    'unchanged',
    null,
    'more than tenfold',
  ]);
});
it('knows no speed of what was never measured', () =>
  expect([speed(42.4), speed(null)]).toEqual(['42 tok/s', '–']));
it('tells no time more closely than it was counted', () =>
  expect([50, 90, 99.9, 100, 140, null].map(percentileTime)).toEqual([
    '<100 ms',
    '<100 ms',
    '<100 ms',
    '100 ms',
    '140 ms',
    '–',
  ]));
