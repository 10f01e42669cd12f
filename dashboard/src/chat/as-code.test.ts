import { expect, it } from 'vitest';
import { asCode } from './as-code';

const body = {
  model: 'a/b',
  messages: [{ role: 'user', content: `it's "so"` }],
  temperature: 0.2,
  provider: { order: ['acme'], allow_fallbacks: false },
};
const at = 'http://localhost/api/v1';

it('curl: a text cannot leave its quotes', () => {
  const code = asCode('curl', at, body);
  expect(code).toContain(`it'\\''s \\"so\\"`);
  expect(code).toContain('http://localhost/api/v1/chat/completions');
});
it('Python: values are Python, unknown members go into extra_body', () => {
  const code = asCode('python', at, body);
  expect(code).toContain('temperature=0.2,');
  expect(code).toContain(
    'extra_body={"provider": {"order": [\n        "acme",\n    ], "allow_fallbacks": False}},',
  );
});
it('TypeScript: an object', () => expect(asCode('typescript', at, body)).toContain('  model: "a/b",\n'));
it('a model that gives vectors is asked for them', () => {
  const input = { model: 'a/embed', input: 'Hello!' };
  expect(asCode('curl', at, input)).toContain('http://localhost/api/v1/embeddings');
  expect(asCode('python', at, input)).toContain('client.embeddings.create(');
  expect(asCode('typescript', at, input)).toContain('answer.data[0].embedding');
});
