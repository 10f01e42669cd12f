import type { Naming } from '../api/names';
import { dateOf, timeOf } from '../lib/moment';
import { usdExact } from '../lib/money';

export type Change = { member: string; before: string; after: string };

const plain: Naming = (_, value) => value;

/** A value as people read it: moments are counted in microseconds, money in nano-dollars, and who and where
    are known by identities. What is none of these is shown as it is. */
function told(member: string, value: unknown, name: Naming): string {
  if (value === null || value === undefined) return text(value);
  const word = String(value);
  if (member.endsWith('_at') && /^\d{15,17}$/.test(word)) {
    const at = Number(word) / 1000;
    return `${dateOf(at)}, ${timeOf(at)} UTC`;
  }
  if (member.endsWith('_nano_usd') && /^-?\d+$/.test(word)) return usdExact(BigInt(word));
  if (word.startsWith('user_')) return name('member', word);
  return member === 'workspace_id' ? name('workspace', word) : text(value);
}

const text = (value: unknown): string =>
  value === undefined
    ? ''
    : value === null
      ? '–'
      : typeof value === 'object'
        ? JSON.stringify(value)
        : String(value);

/** What is different; of a thing that was made or removed, all that was set. */
export function changes(
  before: Record<string, unknown> | null,
  after: Record<string, unknown> | null,
  name: Naming = plain,
): Change[] {
  const members = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return members
    .filter(member => JSON.stringify(before?.[member] ?? null) !== JSON.stringify(after?.[member] ?? null))
    .map(member => ({
      member: member.replace(/_nano_usd$/, ''),
      before: told(member, before?.[member], name),
      after: told(member, after?.[member], name),
    }));
}
