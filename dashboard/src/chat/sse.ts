/** A part of a stream of server-sent events. */
export type Part = { comment: string } | { event: string; data: string };

/** Yields what a stream has, comments too: the first of them says that the other side is there. An
    event without its empty line at the end was cut, and is none. */
export async function* parts(body: ReadableStream<Uint8Array>): AsyncGenerator<Part> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  let rest = '';
  let event = '';
  let data: string[] = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith(':')) yield { comment: line.slice(1).trim() };
      else if (line.startsWith('data:')) data.push(line.slice(5).trim());
      else if (line.startsWith('event:')) event = line.slice(6).trim();
      else if (line === '') {
        if (event || data.length) yield { event, data: data.join('\n') };
        event = '';
        data = [];
      }
    }
  }
}

/** Yields the data of each server-sent event and ends at "[DONE]". Comments, which keep a slow
    connection open, are passed over. */
export async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  for await (const part of parts(body)) {
    if ('comment' in part || part.data === '') continue;
    if (part.data === '[DONE]') return;
    yield part.data;
  }
}
