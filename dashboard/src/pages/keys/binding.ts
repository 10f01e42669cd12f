import type { Key } from '../../api/queries';
import { dateOf, resetsAt } from '../../lib/moment';
import { type Nano, nano, toNumber } from '../../lib/money';

export type Binding = {
  /** What is limited, where it is not the key itself. */
  whose: string | null;
  limit: Nano;
  used: Nano;
  /** From 0 to 1. */
  share: number;
  resets: string;
};

const WHOSE: Record<string, string | null> = {
  key: null,
  member: 'of its member',
  workspace: 'of its workspace',
  credit: 'the credit',
  guardrail: 'of a guardrail',
};

/** The limit that stops a key first: its own, its member's, its workspace's, or the credit of the
    account. Where several are told apart by the server only one binds. */
export function bindingOf(key: Key, now = Date.now()): Binding | null {
  const told = key.binding_limit;
  if (!told) return ownLimitOf(key, now);
  return {
    whose: WHOSE[told.kind] ?? null,
    ...amounts(told.limit, told.remaining),
    resets: told.resets_at ? dateOf(told.resets_at) : resetsAt(null, now),
  };
}

/** The limit of the key itself, whether or not another one stops it first. */
export function ownLimitOf(key: Key, now = Date.now()): Binding | null {
  if (key.limit == null) return null;
  return {
    whose: null,
    ...amounts(key.limit, key.limit_remaining ?? 0),
    resets: resetsAt(key.limit_reset, now),
  };
}

function amounts(amount: number, remaining: number) {
  const [limit, left] = [nano(amount), nano(remaining)];
  const used = limit > left ? limit - left : 0n;
  return { limit, used, share: limit > 0n ? toNumber(used) / toNumber(limit) : 1 };
}
