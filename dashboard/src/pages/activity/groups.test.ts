import { expect, it } from 'vitest';
import { type Metric, type Row, restOf } from '../../api/analytics';
import { columnFormatter, formatter, groups, plainFigure } from './groups';

const metric = (name: string, display_format: string, is_rate = false): Metric => ({
  name,
  display_format,
  is_rate,
  display_label: name,
});
const answer = (whole: Row[], rows: Row[], apart: Set<string> | null = null) => ({
  whole: { rows: whole, truncated: false, warnings: [] },
  rows,
  apart,
});
const spend = metric('total_usage', 'currency');

it('days without a row count as nothing, in means and lows', () => {
  const [one] = groups(
    answer(
      [{ model: 'a', total_usage: 3 }],
      [
        { model: 'a', total_usage: 1 },
        { model: 'a', total_usage: 2 },
      ],
    ),
    'model',
    spend,
    4,
  );
  expect(one).toMatchObject({ mean: '0.75', least: '0', most: '2', share: 1 });
});
it('what is not told apart over time has no mean, and is the rest of a bucket', () => {
  const day = (at: number) => ({ date__day: `2026-11-0${at}T00:00:00.000Z` });
  const told = [{ ...day(1), model: 'a', total_usage: '0.000000001' }];
  const totals = [
    { ...day(1), total_usage: '2.000000002' },
    { ...day(2), total_usage: 3 },
  ];
  const rest = restOf(told, totals, { metric: spend, by: 'model', range: '30d' });
  expect(rest).toEqual([
    { ...day(1), model: 'Other', total_usage: '2.000000001' },
    { ...day(2), model: 'Other', total_usage: '3' },
  ]);
  const whole = [
    { model: 'a', total_usage: '0.000000001' },
    { model: 'b', total_usage: '5.000000001' },
  ];
  const all = groups(answer(whole, [...told, ...rest], new Set(['a'])), 'model', spend, 2);
  expect(all.map(one => [one.key, one.mean])).toEqual([
    ['b', null],
    ['a', '0'],
  ]);
});
it('rates are not shared out, and what was not measured is no zero', () => {
  const rate = metric('failure_rate', 'percent', true);
  const [one] = groups(
    answer(
      [{ model: 'a', failure_rate: 0.5 }],
      [
        { model: 'a', failure_rate: 0.5 },
        { model: 'a', failure_rate: null },
      ],
    ),
    'model',
    rate,
    4,
  );
  expect(one).toMatchObject({ mean: 0.5, least: 0.5, most: 0.5, share: null });
});
it('writes each figure as its format says; unknown is a dash', () => {
  expect(formatter(spend)('0.00021')).toBe('$0.00021');
  expect(formatter(metric('x', 'latency'))(1500)).toBe('1.50 s');
  expect(formatter(metric('x', 'percent'))(null)).toBe('–');
});
it('a file has exact amounts', () => {
  expect(plainFigure({ total_usage: '9007199.254740993' }, spend)).toBe('9007199.254740993');
});
it('a column of money has as many decimals in every row', () => {
  const format = columnFormatter(spend, ['1', '0.002', null]);
  expect(['1', '0.002', null].map(format)).toEqual(['$1.0000', '$0.0020', '–']);
});
