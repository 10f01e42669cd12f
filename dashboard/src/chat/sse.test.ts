import { expect, it } from 'vitest';
import { events } from './sse';

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
