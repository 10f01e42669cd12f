import { expect, it } from 'vitest';
import type { Budget } from '../../api/queries';
import { nano } from '../../lib/money';
import { budgetError } from './budget-rules';
import { slugOf } from './slug';

const budget = (reset_interval: string | null, limit_usd: number) =>
  ({ reset_interval, limit_usd }) as Budget;
const others = [budget('daily', 5), budget(null, 100)];

it('longer windows must allow more', () => {
  expect(budgetError('weekly', nano(20), others)).toBeNull();
  expect(budgetError('weekly', nano(5), others)).toBe('Must be more than the daily budget of $5.00.');
  expect(budgetError('monthly', nano(100), others)).toBe('Must be less than the lifetime budget of $100.00.');
  expect(budgetError('daily', 0n, [])).toBe('Must be above zero.');
});
it('a slug is made of a name', () => expect(slugOf(' Équipe Données, 2! ')).toBe('equipe-donnees-2'));
