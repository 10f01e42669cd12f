import { expect, test } from 'vitest';
import type { LogRow } from '../../api/generations';
import { joined, MOST_WAITING, meets, since, waitingRoom, withNewer } from './newer';

const row = (id: string) => ({ id }) as LogRow;

test('new rows stand in front, none twice', () => {
  const data = {
    pages: [
      { rows: [row('b'), row('a')], next: 'x' },
      { rows: [row('0')], next: null },
    ],
    pageParams: [null, 'x'],
  };
  const ids = withNewer(data, [row('d'), row('b'), row('c')])?.pages.map(page =>
    page.rows.map(one => one.id),
  );
  expect(ids).toEqual([['d', 'c', 'b', 'a'], ['0']]);
  expect(withNewer(undefined, [row('d')])).toBeUndefined();
});

test('what waits is newest first, none twice, and not without bound', () => {
  const at = (id: string, second: number) => ({ id, createdAt: `2026-11-26T10:00:0${second}Z` }) as LogRow;
  const waiting = joined([at('c', 3)], [at('b', 2), at('d', 4), at('c', 3)]);
  expect(waiting.map(one => one.id)).toEqual(['d', 'c', 'b']);
  expect(joined(waiting, [at('d', 4)])).toBe(waiting);
  const many = Array.from({ length: MOST_WAITING + 1 }, (_, n) => at(`n${n}`, 5));
  expect(joined([], many)).toHaveLength(MOST_WAITING);
});

test('a first page that no known row is on leaves some out, unless it is all there is', () => {
  const page = (next: string | null, ...ids: string[]) => ({ rows: ids.map(row), next });
  expect(meets(page('x', 'd', 'c'), new Set(['c', 'b']))).toBe(true);
  expect(meets(page('x', 'e', 'd'), new Set(['c', 'b']))).toBe(false);
  expect(meets(page(null, 'e', 'd'), new Set())).toBe(true);
});

test('what comes while rows are taken waits for the next time', () => {
  const room = waitingRoom();
  const taken: string[][] = [];
  room.add([row('a')]);
  // As a page that is drawn once for several rows: it takes them when it comes to it.
  const drawn = room.now();
  room.add([row('b')]);
  expect(drawn.rows).toHaveLength(1);
  taken.push(room.take().rows.map(one => one.id));
  room.add([row('c')]);
  taken.push(room.take().rows.map(one => one.id));
  expect(taken).toEqual([['b', 'a'], ['c']]);
  expect(room.take()).toEqual({ rows: [], hasGap: false });
});

test('what was told before it was written is laid before a page that is read anew, if it belongs there', () => {
  const at = (id: string, second: number) => ({ id, createdAt: `2026-11-26T10:00:0${second}Z` }) as LogRow;
  const rows = [at('c', 5), at('a', 1)];
  expect(since({ rows: [at('b', 3)], next: 'x' }, rows).map(one => one.id)).toEqual(['c']);
  expect(since({ rows: [at('b', 3)], next: null }, rows)).toHaveLength(2);
});
