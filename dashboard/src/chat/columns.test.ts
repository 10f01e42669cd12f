import { expect, test } from 'vitest';
import { columnsFor, NO_COLUMNS, withoutColumn } from './columns';

test('a column keeps its number when one before it goes, and a new one gets none that was there', () => {
  const three = columnsFor(NO_COLUMNS, 3);
  expect(three.ids).toEqual([0, 1, 2]);
  const two = withoutColumn(three, 0);
  expect(two.ids).toEqual([1, 2]);
  expect(columnsFor(two, 3).ids).toEqual([1, 2, 3]);
  expect(columnsFor(two, 1).ids).toEqual([1]);
});
