import type { Nano } from '../lib/money';

/** How long a balance lasts, going on as in the last 30 days. */
export function lasts(balance: Nano, spentInThirtyDays: Nano | null): string {
  if (balance <= 0n) return 'nothing is left';
  if (!spentInThirtyDays || spentInThirtyDays <= 0n) return 'nothing is being used';
  const days = (balance * 30n) / spentInThirtyDays;
  if (days < 1n) return 'lasts less than a day';
  if (days > 3650n) return 'lasts more than ten years';
  return `lasts about ${days} ${days === 1n ? 'day' : 'days'}`;
}
