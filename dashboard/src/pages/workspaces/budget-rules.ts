import type { Budget } from '../../api/queries';
import { type Nano, nano, usd } from '../../lib/money';

export const INTERVALS = ['daily', 'weekly', 'monthly', 'lifetime'] as const;
export type Interval = (typeof INTERVALS)[number];

export const intervalOf = (budget: Pick<Budget, 'reset_interval'>): Interval =>
  INTERVALS.find(one => one === budget.reset_interval) ?? 'lifetime';

/** Longer windows must allow more than shorter ones: what is wrong with an amount, before it is sent. */
export function budgetError(interval: Interval, amount: Nano, others: Budget[]): string | null {
  if (amount <= 0n) return 'Must be above zero.';
  const place = INTERVALS.indexOf(interval);
  for (const other of others) {
    const at = INTERVALS.indexOf(intervalOf(other));
    const limit = nano(other.limit_usd);
    if (at < place && limit >= amount)
      return `Must be more than the ${INTERVALS[at]} budget of ${usd(limit)}.`;
    if (at > place && limit <= amount)
      return `Must be less than the ${INTERVALS[at]} budget of ${usd(limit)}.`;
  }
  return null;
}
