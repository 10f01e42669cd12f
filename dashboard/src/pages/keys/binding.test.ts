import { expect, test } from 'vitest';
import type { Key } from '../../api/queries';
import { bindingOf } from './binding';

const key = (more: Partial<Key>) =>
  ({ limit: null, limit_remaining: null, limit_reset: null, ...more }) as Key;

test('a key without limits has none that binds', () => {
  expect(bindingOf(key({}))).toBeNull();
});

test('the limit of its workspace binds a key that has more of its own', () => {
  const binding_limit = { kind: 'workspace', limit: 10, remaining: 2.5, resets_at: null };
  const binding = bindingOf(key({ limit: 100, limit_remaining: 100, binding_limit }));
  expect(binding).toMatchObject({ whose: 'of its workspace', used: 7_500_000_000n, share: 0.75 });
});

test('a limit of nothing is used up', () => {
  expect(bindingOf(key({ limit: 0, limit_remaining: 0 }))?.share).toBe(1);
});
