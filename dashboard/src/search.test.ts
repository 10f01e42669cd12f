import { expect, it } from 'vitest';
import { activitySearch, filterText, logsSearch, modelsSearch, readFilter } from './search';

it('what an address should not say is passed over', () => {
  expect(logsSearch({ range: '5y', model: 7, id: '' })).toEqual({ model: '7' });
  expect(modelsSearch({ max_price: 'cheap', cost: 'free' })).toEqual({ cost: 'free' });
});
it('one filter or several', () => {
  expect(activitySearch({ where: 'model:a/b' }).where).toEqual(['model:a/b']);
  expect(activitySearch({ where: ['model:a/b', 'provider:X'] }).where).toHaveLength(2);
});
it('a filter that is there already is not there twice', () =>
  expect(activitySearch({ where: ['model:a/b', 'model:a/b'] }).where).toEqual(['model:a/b']));
it('a filter comes back as it was, colons and all', () => {
  const filter = { field: 'model', value: 'a/b:free' };
  expect(readFilter(filterText(filter))).toEqual(filter);
  expect(readFilter('nothing')).toBeNull();
});
