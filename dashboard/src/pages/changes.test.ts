import { expect, it } from 'vitest';
import { changes } from './changes';

it('tells what is different, and of new things what was set', () => {
  expect(changes({ name: 'a', limit: null, tags: [1] }, { name: 'b', limit: null, tags: [1] })).toEqual([
    { member: 'name', before: 'a', after: 'b' },
  ]);
  expect(changes(null, { name: 'a', limit: null })).toEqual([{ member: 'name', before: '', after: 'a' }]);
});
