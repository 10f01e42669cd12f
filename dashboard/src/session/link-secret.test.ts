import { afterEach, expect, test } from 'vitest';
import { forgetSecret, secretIn, takeSecret } from './link-secret';

afterEach(() => {
  forgetSecret();
  history.replaceState(null, '', '/');
});

test('a secret is what stands behind the number sign', () => {
  expect(secretIn('#abc')).toBe('abc');
  expect(secretIn('#code=abc')).toBe('abc');
  expect(secretIn('')).toBe('');
});

test('a secret leaves the address as soon as it is read, and other addresses stay', () => {
  history.replaceState({ kept: 1 }, '', '/gw/invite?a=1#abc');
  takeSecret();
  expect(location.pathname + location.search + location.hash).toBe('/gw/invite?a=1');
  expect(history.state).toEqual({ kept: 1 });
  history.replaceState(null, '', '/gw/models#abc');
  takeSecret();
  expect(location.hash).toBe('#abc');
});
