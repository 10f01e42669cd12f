import { expect, test } from 'vitest';
import type { LogRow } from '../../api/generations';
import { withNewer } from './use-newer';

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
