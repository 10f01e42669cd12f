import { expect, it } from 'vitest';
import {
  contentOf,
  history,
  imagesOf,
  judgedOf,
  type Reply,
  requestBody,
  type Turn,
  tokenSpeed,
} from './conversation';

const reply = (model: string, text: string, column = 0): Reply => ({
  model,
  column,
  text,
  reasoning: '',
  images: [],
  state: 'done',
});
const turns = [
  { id: 1, prompt: 'one', attachments: [], replies: [reply('a/a', 'A1'), reply('b/b', 'B1', 1)] },
  { id: 2, prompt: 'two', attachments: [], replies: [reply('a/a', ''), reply('b/b', 'B2', 1)] },
];

const three = { prompt: 'three', attachments: [] };

it('each model reads its own answers, and no question that it left open', () => {
  expect(history(turns, { id: 0, model: 'a/a' }, three, 'be brief')).toEqual([
    { role: 'system', content: 'be brief' },
    { role: 'user', content: 'one' },
    { role: 'assistant', content: 'A1' },
    { role: 'user', content: 'three' },
  ]);
  expect(history(turns, { id: 1, model: 'b/b' }, three)).toHaveLength(5);
});
it('the same model in two columns reads in each what it answered there', () => {
  const twice = [{ ...turns[0], replies: [reply('a/a', 'left', 4), reply('a/a', 'right', 7)] } as Turn];
  const answers = (id: number) =>
    history(twice, { id, model: 'a/a' }, three)
      .filter(one => one.role === 'assistant')
      .map(one => one.content);
  expect([answers(4), answers(7), answers(8)]).toEqual([['left'], ['right'], []]);
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
it('images and files go along, and texts as texts', () => {
  const file = (kind: 'image' | 'file' | 'text', content: string) => ({ name: 'x', size: 1, kind, content });
  const parts = contentOf('look', [file('image', 'data:i'), file('file', 'data:f'), file('text', 'abc')]);
  expect(parts).toEqual([
    { type: 'image_url', image_url: { url: 'data:i' } },
    { type: 'file', file: { filename: 'x', file_data: 'data:f' } },
    { type: 'text', text: 'x:\n\nabc' },
    { type: 'text', text: 'look' },
  ]);
  expect(contentOf('look', [])).toBe('look');
});
it('a column may be held to providers', () => {
  expect(requestBody('a/a', [], { providers: 'acme, other', seed: 0 })).toMatchObject({
    seed: 0,
    provider: { order: ['acme', 'other'], allow_fallbacks: false },
  });
});

it('takes images alone, each once, and no address of another kind', () => {
  const came = (...urls: unknown[]) => urls.map(url => ({ image_url: { url } }));
  const png = 'data:image/png;base64,AAAA';
  const first = imagesOf([], came(png, 'data:text/html,<script>', 'javascript:alert(1)', 5));
  expect(first).toEqual([png]);
  expect(imagesOf(first, came(png, 'https://example.org/a.png'))).toEqual([png, 'https://example.org/a.png']);
  expect(imagesOf(first, undefined)).toBe(first);
});
it('judges what came to its end', () => {
  const replies = [
    reply('a/a', 'A'),
    { ...reply('b/b', 'half'), state: 'stopped' as const },
    reply('c/c', 'C'),
  ];
  expect(judgedOf({ id: 1, prompt: '', attachments: [], replies })).toEqual([0, 2]);
});
