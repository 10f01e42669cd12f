import { expect, test } from 'vitest';
import type { Credential } from '../../api/credentials';
import { listsOf, moves } from './lists';

const credential = (id: string, sort_order: number, more: Partial<Credential> = {}) =>
  ({
    id,
    provider: 'acme',
    sort_order,
    is_fallback: false,
    created_at: '2026-11-26',
    source: 'stored',
    ...more,
  }) as Credential;

test('keys stand in the order they are tried, by list', () => {
  const all = [
    credential('c', 2),
    credential('a', 0),
    credential('x', 0, { is_fallback: true }),
    credential('other', 0, { provider: 'else' }),
  ];
  const { first, fallback } = listsOf(all, 'acme');
  expect([first, fallback].map(list => list.map(one => one.id))).toEqual([['a', 'c'], ['x']]);
});

test('only what changes its place is written', () => {
  const lists = listsOf([credential('a', 0), credential('b', 1), credential('c', 2)], 'acme');
  expect(moves(lists, 'c', { list: 'first', at: 1 })).toEqual([
    { id: 'c', sort_order: 1, is_fallback: false },
    { id: 'b', sort_order: 2, is_fallback: false },
  ]);
  expect(moves(lists, 'b', { list: 'first', at: 1 })).toEqual([]);
  expect(moves(lists, 'a', { list: 'fallback', at: 0 })[2]).toEqual({
    id: 'a',
    sort_order: 0,
    is_fallback: true,
  });
});

test('a key of the environment stays where it is', () => {
  const lists = listsOf([credential('env', 0, { source: 'environment' }), credential('b', 1)], 'acme');
  expect(moves(lists, 'env', { list: 'fallback', at: 0 })).toEqual([]);
  expect(moves(lists, 'b', { list: 'first', at: 0 })).toEqual([
    { id: 'b', sort_order: 0, is_fallback: false },
  ]);
});
