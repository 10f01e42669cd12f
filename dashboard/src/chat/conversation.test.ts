import { expect, it } from 'vitest';
import { history, type Reply, requestBody, tokenSpeed } from './conversation';

const reply = (model: string, text: string): Reply => ({ model, text, reasoning: '', state: 'done' });
const turns = [
  { id: 1, prompt: 'one', replies: [reply('a/a', 'A1'), reply('b/b', 'B1')] },
  { id: 2, prompt: 'two', replies: [reply('a/a', ''), reply('b/b', 'B2')] },
];

it('each model reads its own answers, and no question that it left open', () => {
  expect(history(turns, 'a/a', 'three', 'be brief')).toEqual([
    { role: 'system', content: 'be brief' },
    { role: 'user', content: 'one' },
    { role: 'assistant', content: 'A1' },
    { role: 'user', content: 'three' },
  ]);
  expect(history(turns, 'b/b', 'three')).toHaveLength(5);
});
it('sends only what was set', () => {
  expect(requestBody('a/a', [], {})).toEqual({ model: 'a/a', messages: [] });
  expect(requestBody('a/a', [], { temperature: 0, maxTokens: 5 })).toEqual({
    model: 'a/a',
    messages: [],
    temperature: 0,
    max_tokens: 5,
  });
});
it('speed is that of writing, and unknown where nothing was measured', () => {
  expect(tokenSpeed({ ...reply('a', ''), completionTokens: 100, firstToken: 500, total: 2500 })).toBe(50);
  expect(tokenSpeed(reply('a', ''))).toBeNull();
});
