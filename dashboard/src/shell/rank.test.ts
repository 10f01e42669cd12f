import { expect, it } from 'vitest';
import { rank } from './rank';

const entry = (label: string, id = label) => ({ id, label, hint: '', run: () => {} });
const all = [
  entry('Playground'),
  entry('API keys'),
  entry('Create key'),
  entry('Claude Opus', 'anthropic/claude-opus-4.5'),
];
const labels = (query: string) => rank(all, query).map(one => one.label);

it('wants every word, wherever it stands', () => {
  expect(labels('opus anthropic')).toEqual(['Claude Opus']);
  expect(labels('opus openai')).toEqual([]);
});
it('puts earlier matches first', () => expect(labels('key')).toEqual(['API keys', 'Create key']));
it('keeps the order as long as nothing is typed', () => expect(labels('')[0]).toBe('Playground'));
