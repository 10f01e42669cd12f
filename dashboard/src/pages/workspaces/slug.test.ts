import { expect, test } from 'vitest';
import { slugOf } from './slug';

test('a name in Latin letters becomes a part of an address, with what its letters are read as', () => {
  expect(slugOf('Größe & Maß')).toBe('grosse-mass');
  expect(slugOf('  Łódź, Ærø ')).toBe('lodz-aero');
  expect(slugOf('Data team 2')).toBe('data-team-2');
});

test('it ends with a letter or a digit wherever it is cut, and of other scripts nothing is left', () => {
  expect(slugOf(`${'a'.repeat(49)} b`)).toBe('a'.repeat(49));
  expect(slugOf('فريق البيانات')).toBe('');
});
