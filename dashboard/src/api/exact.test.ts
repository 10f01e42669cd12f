import { expect, it } from 'vitest';
import { nano } from '../lib/money';
import { exact } from './exact';

it('keeps every digit of an amount that a number would round', () => {
  const read = JSON.parse(exact('{"usage":9007199.254740993,"small":1.5,"text":"9007199.254740993 \\" 1"}'));
  expect(nano(read.usage)).toBe(9_007_199_254_740_993n);
  expect(read.small).toBe(1.5);
  expect(read.text).toBe('9007199.254740993 " 1');
});
it('leaves a number that none of its digits is lost of, however many they are', () => {
  const read = JSON.parse(
    exact('{"first_token_ms":123.45678901234567,"usage":9007199254.740993,"longer":0.12345678901234567890}'),
  );
  expect(read.first_token_ms).toBe(123.45678901234567);
  expect(nano(read.usage)).toBe(9_007_199_254_740_993_000n);
  expect(read.longer).toBe('0.12345678901234567890');
});
it('leaves what is short as it is', () => expect(exact('{"a":-1.25e3}')).toBe('{"a":-1.25e3}'));
