import { expect, test } from 'vitest';
import { forgetAll } from '../session/session';
import { addressOf, MOST_IN_ADDRESS, settingsOf, staysHere } from './long-settings';
import { NONE } from './settings';

const prompted = (system: string) => ({ common: { system }, own: {} });

test('short settings stand in the address, long ones are kept in the tab', () => {
  const short = addressOf(prompted('be brief'));
  expect(staysHere(short)).toBe(false);
  expect(settingsOf(short)).toEqual(prompted('be brief'));
  const long = prompted('be brief. '.repeat(10_000));
  const address = addressOf(long);
  expect(staysHere(address)).toBe(true);
  expect(address?.length).toBeLessThan(MOST_IN_ADDRESS);
  expect(settingsOf(address)).toEqual(long);
});

test('an address of other settings finds none, nor does one that somebody else left', () => {
  const before = addressOf(prompted('a'.repeat(5_000)));
  const after = addressOf(prompted('b'.repeat(5_000)));
  expect(settingsOf(before)).toEqual(NONE);
  expect(settingsOf(after)).toEqual(prompted('b'.repeat(5_000)));
  forgetAll();
  expect(settingsOf(after)).toEqual(NONE);
  expect(settingsOf('here.')).toEqual(NONE);
});
