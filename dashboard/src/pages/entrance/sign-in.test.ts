import { expect, test } from 'vitest';
import { failure } from './sign-in';

test('no word of an address is shown', () => {
  expect(failure('sign_on_denied')).toBe('The sign-on service said no.');
  for (const word of ['Call 555 0100 to get in', 'constructor', ''])
    expect(failure(word)).toBe('Signing in did not work. Try again.');
});
