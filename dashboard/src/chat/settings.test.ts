import { expect, test } from 'vitest';
import { NONE, packSettings, parametersOf, unpackSettings, withoutPlace } from './settings';

test('a link says what was set, in any script', () => {
  const settings = {
    common: { system: 'Antworte auf Grönländisch 🦭', temperature: 0 },
    own: { 1: { maxTokens: 5, effort: 'low' } },
  };
  expect(unpackSettings(packSettings(settings))).toEqual(settings);
  expect(packSettings(NONE)).toBeUndefined();
});

test('a link that is broken, or says something else, sets nothing', () => {
  for (const bad of [
    '%',
    'bm9uZQ',
    btoa('null'),
    btoa('{"common":{"temperature":"hot","x":1},"own":{"9":{}}}'),
  ])
    expect(unpackSettings(bad)).toEqual({ common: {}, own: {} });
});

test('a column has its own, and the common ones where it has none', () => {
  const settings = { common: { temperature: 1, maxTokens: 9 }, own: { 0: { temperature: 0 } } };
  expect(parametersOf(settings, 0)).toEqual({ temperature: 0, maxTokens: 9 });
  expect(parametersOf(settings, 1)).toEqual({ temperature: 1, maxTokens: 9 });
});

test('when a column goes, the others keep what is theirs, and nobody gets what was its own', () => {
  const own = { 0: { seed: 10 }, 1: { seed: 11 }, 3: { seed: 13 } };
  expect(withoutPlace({ common: {}, own }, 1).own).toEqual({ 0: { seed: 10 }, 2: { seed: 13 } });
  expect(withoutPlace({ common: {}, own }, 0).own).toEqual({ 0: { seed: 11 }, 2: { seed: 13 } });
});
