import { expect, it } from 'vitest';
import { nano } from '../lib/money';
import { exact } from './exact';

it('keeps every digit of an amount that a number would round', () => {
  const read = JSON.parse(exact('{"usage":9007199.254740993,"small":1.5,"text":"9007199.254740993 \\" 1"}'));
  expect(nano(read.usage)).toBe(9_007_199_254_740_993n);
  expect(read.small).toBe(1.5);
  expect(read.text).toBe('9007199.254740993 " 1');
});
it('leaves what is short as it is', () => expect(exact('{"a":-1.25e3}')).toBe('{"a":-1.25e3}'));
