import { expect, it } from 'vitest';
import { cursorAfter, firstRows, type LogRow, readRow } from './generations';

const HEAD = 'id,created_at,model_requested,model,provider,status,total_cost_usd,price_state';
const table = (lines: string[]) =>
  new Blob([`${[HEAD, ...lines].join('\n')}\n`]).stream() as ReadableStream<Uint8Array>;
const line = (id: string, second: string) =>
  `${id},2026-11-26T14:27:${second}.000Z,a/b,a/b,Acme,200,0.000000001,known`;

it('reads as many rows as a page has and hangs up', async () => {
  const rows = await firstRows(table([line('gen-3', '03'), line('gen-2', '02'), line('gen-1', '01')]), 2);
  expect(rows.map(row => row.id)).toEqual(['gen-3', 'gen-2']);
  expect(rows[0]?.cost).toBe(1n);
});
it('a table without rows is an empty page', async () => expect(await firstRows(table([]), 10)).toEqual([]));
it('names the model that was asked for where none answered', () => {
  expect(readRow(HEAD.split(','), 'gen-1,2026-11-26T14:27:01.000Z,a/b,,,502,0,known'.split(',')).model).toBe(
    'a/b',
  );
});

const row = (id: string, ms: number) => ({ id, createdAt: new Date(ms).toISOString() }) as LogRow;

it('the next page begins with the last moment and passes over what was seen of it', () => {
  const cursor = cursorAfter([row('c', 3000), row('b', 2000), row('a', 2000)]);
  expect(cursor).toEqual({ until: new Date(2001).toISOString(), seen: ['b', 'a'] });
});
it('a moment longer than a page is still walked to its end', () => {
  const first = cursorAfter([row('d', 2000), row('c', 2000)]);
  const second = cursorAfter([row('b', 2000), row('a', 2000)], first?.seen);
  expect(second?.seen).toEqual(['d', 'c', 'b', 'a']);
});
it('nothing follows nothing', () => expect(cursorAfter([])).toBeNull());
