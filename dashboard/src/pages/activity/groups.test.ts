import { expect, it } from 'vitest';
import type { Metric } from '../../api/analytics';
import { columnFormatter, formatter, groups, plainFigure } from './groups';

const metric = (name: string, display_format: string, is_rate = false): Metric => ({
  name,
  display_format,
  is_rate,
  display_label: name,
});
const spend = metric('total_usage', 'currency');

it('days without a row count as nothing, in means and lows', () => {
  const [one] = groups(
    [{ model: 'a', total_usage: 3 }],
    [
      { model: 'a', total_usage: 1 },
      { model: 'a', total_usage: 2 },
    ],
    'model',
    spend,
    4,
  );
  expect(one).toMatchObject({ mean: '0.75', least: '0', most: '2', share: 1 });
});
it('rates are not shared out, and what was not measured is no zero', () => {
  const rate = metric('failure_rate', 'percent', true);
  const [one] = groups(
    [{ model: 'a', failure_rate: 0.5 }],
    [
      { model: 'a', failure_rate: 0.5 },
      { model: 'a', failure_rate: null },
    ],
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
