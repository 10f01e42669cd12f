import { expect, test } from 'vitest';
import { fitting, widthOf } from './fitting';

const COLUMNS = [
  { key: 'tick', width: 5, goes: 2 },
  { key: 'name', width: 13, grows: true },
  { key: 'price', width: 5 },
  { key: 'uptime', width: 5, goes: 3 },
  { key: 'context', width: 5, goes: 1 },
];
const keys = (room: number) => fitting(COLUMNS, room).map(column => column.key);

test('where there is room all columns are there, in their order', () => {
  expect(keys(33)).toEqual(['tick', 'name', 'price', 'uptime', 'context']);
});

test('others go before the column that says what a row is gets too small to be read', () => {
  expect(keys(32)).toEqual(['tick', 'name', 'price', 'context']);
  expect(keys(23)).toEqual(['name', 'price', 'context']);
});

test('what must stay stays, and scrolls where even that is too wide', () => {
  expect(keys(10)).toEqual(['name', 'price']);
  expect(widthOf(fitting(COLUMNS, 10))).toBe(13);
});
