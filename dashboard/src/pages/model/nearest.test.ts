import { expect, it } from 'vitest';
import { nearest } from './nearest';

it('finds what was meant, and nothing that was not', () => {
  const names = ['openai/gpt-4.1', 'openai/gpt-4.1-mini', 'anthropic/claude-opus-4.5'];
  expect(nearest('openai/gpt-41', names)[0]).toBe('openai/gpt-4.1');
  expect(nearest('claude-opus', names)).toEqual(['anthropic/claude-opus-4.5']);
  expect(nearest('zzz', names)).toEqual([]);
});
