import type { MemberLimit } from '../../api/people';
import { dayOf } from '../../lib/moment';
import { type Nano, nano, toNumber } from '../../lib/money';

export const INTERVALS = [
  ['daily', 'A day'],
  ['weekly', 'A week'],
  ['monthly', 'A month'],
  ['lifetime', 'In all'],
] as const;
export type Interval = (typeof INTERVALS)[number][0];

export type LimitUse = {
  interval: Interval;
  limit: Nano;
  /** Null while the server cannot tell. */
  used: Nano | null;
  left: Nano | null;
  /** From 0 to 1, and more where a limit was set below what is used; null while it is not known. */
  share: number | null;
  /** The day from which all of it is there again; null: never. */
  afresh: string | null;
};

export function stateOf(limit: MemberLimit): LimitUse {
  const amount = nano(limit.limit_usd);
  const used = limit.used_usd == null ? null : nano(limit.used_usd);
  return {
    interval: INTERVALS.find(([name]) => name === limit.interval)?.[0] ?? 'lifetime',
    limit: amount,
    used,
    left: limit.remaining_usd == null ? null : nano(limit.remaining_usd),
    share: used === null ? null : amount > 0n ? toNumber(used) / toNumber(amount) : 1,
    afresh: limit.resets_at == null ? null : dayOf(limit.resets_at),
  };
}

/** The limit with the least left: the one that stops the next request. Where what is left is not known,
    the lowest. */
export function tightest(limits: MemberLimit[]): LimitUse | null {
  const left = (one: LimitUse) => one.left ?? one.limit;
  return (
    limits
      .map(stateOf)
      .sort((a, b) => (left(a) < left(b) ? -1 : left(a) > left(b) ? 1 : 0))
      .at(0) ?? null
  );
}

/** The word for a window where it follows an amount: `$2 a day`. */
export const perWindow = (interval: Interval) =>
  INTERVALS.find(([name]) => name === interval)?.[1].toLowerCase() ?? '';
