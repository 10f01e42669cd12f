import type { Key } from '../../api/queries';
import { nano } from '../../lib/money';

export const isExpired = (key: Pick<Key, 'expires_at'>, now = Date.now()) =>
  key.expires_at != null && Date.parse(key.expires_at) <= now;

/** Whether a program asked with it in the last seven days: then it is not deleted by a slip. */
export const isInUse = (key: Pick<Key, 'last_used_at'>, now = Date.now()) =>
  key.last_used_at != null && now - Date.parse(key.last_used_at) < 7 * 86_400_000;

export const filterKeys = (keys: Key[], query: string): Key[] => {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return keys.filter(key => words.every(word => `${key.name} ${key.label}`.toLowerCase().includes(word)));
};

const BY: Record<string, (key: Key) => string | bigint | null> = {
  name: key => key.name.toLowerCase(),
  today: key => nano(key.usage_daily),
  month: key => nano(key.usage_monthly),
  limit: key => (key.limit == null ? null : nano(key.limit)),
  used: key => key.last_used_at ?? null,
  expires: key => key.expires_at ?? null,
  created: key => key.created_at,
};

/** What is not set comes last in either direction. */
export function orderKeys(keys: Key[], order: string, descending: boolean): Key[] {
  const by = BY[order] ?? BY.created;
  return [...keys].sort((a, b) => {
    const [x, y] = [by?.(a) ?? null, by?.(b) ?? null];
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
    const sign = x < y ? -1 : x > y ? 1 : 0;
    return descending ? -sign : sign;
  });
}
