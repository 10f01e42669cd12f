import { expect, test } from 'vitest';
import { readVotes, withVote } from './votes';

test('a pair is one, whichever way it is compared', () => {
  let pairs = withVote([], ['b', 'a'], 0);
  pairs = withVote(pairs, ['a', 'b'], 0);
  pairs = withVote(pairs, ['a', 'b'], null);
  expect(pairs).toEqual([{ a: 'a', b: 'b', winsA: 1, winsB: 1, ties: 1 }]);
});

test('the best of three is better than both, and of the others nothing is said', () => {
  const pairs = withVote([], ['x', 'y', 'z'], 1);
  expect(pairs.map(pair => `${pair.a}${pair.b}${pair.winsA}${pair.winsB}`)).toEqual(['xy01', 'yz10']);
});

test('a model is not compared with itself', () => expect(withVote([], ['a', 'a'], 0)).toEqual([]));

test('what somebody else wrote there is passed over', () => {
  expect(readVotes('{')).toEqual([]);
  expect(readVotes('[{"a":1},{"a":"x","b":"y","winsA":1,"winsB":0,"ties":0}]')).toHaveLength(1);
});
