import { expect, it } from 'vitest';
import { events, type Part, parts } from './sse';

const from = (...chunks: string[]) => new Blob(chunks).stream() as ReadableStream<Uint8Array>;
const all = async (stream: ReadableStream<Uint8Array>) => {
  const found: string[] = [];
  for await (const event of events(stream)) found.push(event);
  return found;
};

it('reads events, passes over comments, stops at [DONE]', async () => {
  const stream = from(': OPENROUTER PROCESSING\n\ndata: {"a":1}\n\ndata: [DONE]\n\ndata: late\n\n');
  expect(await all(stream)).toEqual(['{"a":1}']);
});
it('joins an event that is cut, even inside a character', async () => {
  const bytes = new TextEncoder().encode('data: {"t":"é🙂"}\r\n\r\n');
  let at = 0;
  const drip = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.slice(at, ++at));
      else controller.close();
    },
  });
  expect(await all(drip)).toEqual(['{"t":"é🙂"}']);
});
it('tells comments and the names of events, and nothing of an event that was cut', async () => {
  const stream = from(
    ': listening\n\nevent: row\ndata: a\ndata: b\n\nevent: missed\nda',
    'ta:\n\ndata: cut\n',
  );
  const found: Part[] = [];
  for await (const part of parts(stream)) found.push(part);
  expect(found).toEqual([
    { comment: 'listening' },
    { event: 'row', data: 'a\nb' },
    { event: 'missed', data: '' },
  ]);
});
