import { expect, it } from 'vitest';
import type { Model } from '../../api/queries';
import { filterModels, hints, orderModels } from './filter';

const model = (id: string, prompt: string, input: string[] = ['text'], context = 1000) =>
  ({
    id,
    name: `Author: ${id}`,
    created: 0,
    context_length: context,
    pricing: { prompt, completion: prompt },
    architecture: { input_modalities: input, output_modalities: ['text'] },
    supported_parameters: ['tools'],
  }) as unknown as Model;
const models = [
  model('a/free', '0'),
  model('a/cheap', '0.000001'),
  model('b/dear', '0.00001', ['text', 'image'], 9000),
  model('b/unknown', '-1'),
];
const ids = (search: Parameters<typeof filterModels>[1]) => filterModels(models, search).map(one => one.id);

it('wants every word', () => expect(ids({ q: 'b dear' })).toEqual(['b/dear']));
it('an unknown price is neither free nor cheap', () => {
  expect(ids({ cost: 'free' })).toEqual(['a/free']);
  expect(ids({ cost: 'unknown' })).toEqual(['b/unknown']);
  expect(ids({ max_price: 1 })).toEqual(['a/free', 'a/cheap']);
});
it('names the filter that stands in the way', () => {
  expect(hints(models, { q: 'dear', max_price: 1 }).map(one => [one.key, one.matches])).toEqual([
    ['q', 2],
    ['max_price', 1],
  ]);
});
it('what is not known comes last either way', () => {
  for (const descending of [true, false])
    expect(orderModels(models, 'prompt', descending).at(-1)?.id).toBe('b/unknown');
  expect(orderModels(models, 'prompt', true)[0]?.id).toBe('b/dear');
});
it('what was measured is an order of its own, the share of good answers among it', () => {
  const measured = (id: string, uptime: number | null, firstToken: number) => ({
    ...model(id, '0'),
    measured: { tokens: 0, firstToken, speed: null, uptime },
  });
  const some = [measured('a/none', null, 9), measured('a/good', 1, 1000.5), measured('a/bad', 0.5, 20)];
  const by = (order: string, descending: boolean) => orderModels(some, order, descending).map(one => one.id);
  expect(by('uptime', true)).toEqual(['a/good', 'a/bad', 'a/none']);
  expect(by('latency', false)).toEqual(['a/none', 'a/bad', 'a/good']);
});
it('by provider, models are those that the server finds; until it has answered, all', () => {
  const found = (by?: Set<string>) => filterModels(models, { providers: 'acme' }, { providers: by }).length;
  expect([found(new Set(['a/free'])), found(new Set()), found()]).toEqual([1, 0, 4]);
});
