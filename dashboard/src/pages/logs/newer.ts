import type { InfiniteData } from '@tanstack/react-query';
import { LOG_PAGE, type LogPage, type LogRow } from '../../api/generations';

/** More than this is told as “500 and more”, and read anew rather than kept. */
export const MOST_WAITING = 500;
/** A list that is followed is read anew when its first page has grown to this. */
export const MOST_IN_FRONT = LOG_PAGE + MOST_WAITING;

export type Pages = InfiniteData<LogPage, string | null>;

/** Rows in front of a list, none twice. */
export function withNewer(data: Pages | undefined, newer: LogRow[]): Pages | undefined {
  const [first, ...rest] = data?.pages ?? [];
  if (!data || !first) return data;
  const known = idsOf(data);
  const fresh = newer.filter(row => !known.has(row.id));
  return { ...data, pages: [{ ...first, rows: [...fresh, ...first.rows] }, ...rest] };
}

export const idsOf = (data: Pages | undefined) =>
  new Set(data?.pages.flatMap(page => page.rows.map(row => row.id)));

/** Rows that wait, with more of them, newest first, none twice. */
export function joined(waiting: LogRow[], more: LogRow[]): LogRow[] {
  const known = new Set(waiting.map(row => row.id));
  const fresh = more.filter(row => !known.has(row.id));
  if (fresh.length === 0) return waiting;
  return [...fresh, ...waiting]
    .sort((a, b) => (a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : 0))
    .slice(0, MOST_WAITING);
}

/** Those that are not older than all of a page: older ones are on the pages behind it. */
export function since(page: LogPage, rows: LogRow[]): LogRow[] {
  const oldest = page.next === null ? '' : (page.rows.at(-1)?.createdAt ?? '');
  return rows.filter(row => row.createdAt >= oldest);
}

/** What waits to be shown. With a gap there is more than that, and the list has to be read anew. */
export type Waiting = { rows: LogRow[]; hasGap: boolean };
const NOTHING: Waiting = { rows: [], hasGap: false };

/** Where rows wait. Whoever takes them takes what is there at that moment, and not what was there when a
    page was drawn: rows that come between the two would be lost. */
export function waitingRoom() {
  let now = NOTHING;
  const listeners = new Set<() => void>();
  const put = (next: Waiting) => {
    now = next;
    for (const listener of listeners) listener();
  };
  return {
    now: () => now,
    subscribe: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    add: (rows: LogRow[], hasGap = false) => {
      const all = joined(now.rows, rows);
      const gap = hasGap || now.hasGap || all.length >= MOST_WAITING;
      if (all !== now.rows || gap !== now.hasGap) put({ rows: all, hasGap: gap });
    },
    take: (): Waiting => {
      const taken = now;
      if (taken !== NOTHING) put(NOTHING);
      return taken;
    },
  };
}

/** Whether a first page that was just read goes on where the known rows are, or leaves some out. */
export const meets = (page: LogPage, known: Set<string>) =>
  page.next === null || page.rows.some(row => known.has(row.id));
