import { expect, it } from 'vitest';
import { nano } from '../lib/money';
import { lasts } from './lasts';

it.each([
  ['10', '30', 'lasts about 10 days'],
  ['1', '30', 'lasts about 1 day'],
  ['0.5', '30', 'lasts less than a day'],
  ['1000000', '0.01', 'lasts more than ten years'],
  ['5', '0', 'nothing is being used'],
  ['-1', '30', 'nothing is left'],
])('$%s at $%s in 30 days: %s', (balance, spent, told) =>
  expect(lasts(nano(balance), nano(spent))).toBe(told),
);
