import { expect, test } from 'vitest';
import { told } from './settings';

test('how long something is kept is told, for ever too; what is not known is a dash', () => {
  expect(told('retention_days', null)).toBe('for ever');
  expect(told('minute_days', null)).toBe('for ever');
  expect(told('retention_days', 1)).toBe('1 day');
  expect(told('minute_days', 400)).toBe('400 days');
  expect(told('retention_days', undefined)).toBe('–');
  expect(told('region', null)).toBe('–');
});

test('ways to sign in are told in words', () => {
  expect(told('sign_in', ['password', 'management_key'])).toBe('password, management keys, for programs');
});
