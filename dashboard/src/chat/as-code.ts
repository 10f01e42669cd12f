import type { Language } from '../ui/snippet';

export type ChatBody = {
  model: string;
  messages: { role: string; content: unknown }[];
  [member: string]: unknown;
};
export type EmbeddingBody = { model: string; input: string; [member: string]: unknown };

/** How each kind of request is sent, and what is printed of its answer. */
const CHAT = {
  path: 'chat/completions',
  method: 'chat.completions',
  python: 'answer.choices[0].message.content',
  typescript: 'answer.choices[0].message.content',
};
const EMBEDDING = {
  path: 'embeddings',
  method: 'embeddings',
  python: 'answer.data[0].embedding[:8]',
  typescript: 'answer.data[0].embedding.slice(0, 8)',
};

/** As Python writes it. */
function python(value: unknown, indent: string): string {
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (value === null) return 'None';
  if (Array.isArray(value)) {
    const items = value.map(item => `${indent}    ${python(item, `${indent}    `)},\n`).join('');
    return `[\n${items}${indent}]`;
  }
  if (typeof value === 'object') {
    const members = Object.entries(value as object).map(
      ([name, inner]) => `${JSON.stringify(name)}: ${python(inner, indent)}`,
    );
    return `{${members.join(', ')}}`;
  }
  return JSON.stringify(value);
}

/** A text as one word of a shell. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** What the OpenAI packages take as arguments; the rest goes into `extra_body`. */
const KNOWN = new Set([
  'model',
  'messages',
  'input',
  'temperature',
  'top_p',
  'max_tokens',
  'stream',
  'seed',
  'stop',
]);

export function asCode(language: Language, address: string, body: ChatBody | EmbeddingBody): string {
  const { path, method, ...answer } = 'messages' in body ? CHAT : EMBEDDING;
  const json = JSON.stringify(body, null, 2);
  if (language === 'curl') {
    return [
      `curl ${address}/${path} \\`,
      `  -H "Authorization: Bearer $TRUNKLINE_KEY" \\`,
      `  -H "Content-Type: application/json" \\`,
      `  -d ${quoted(json)}`,
    ].join('\n');
  }
  const known = Object.entries(body).filter(([name]) => KNOWN.has(name));
  const extra = Object.fromEntries(Object.entries(body).filter(([name]) => !KNOWN.has(name)));
  const hasExtra = Object.keys(extra).length > 0;
  if (language === 'python') {
    const members = [...known, ...(hasExtra ? [['extra_body', extra] as const] : [])]
      .map(([name, value]) => `    ${name}=${python(value, '    ')},\n`)
      .join('');
    return [
      'import os',
      'from openai import OpenAI',
      '',
      `client = OpenAI(base_url="${address}", api_key=os.environ["TRUNKLINE_KEY"])`,
      `answer = client.${method}.create(\n${members})`,
      `print(${answer.python})`,
    ].join('\n');
  }
  const note = hasExtra ? '  // @ts-expect-error members that are the gateway’s own\n' : '';
  const lines = Object.entries(body).map(
    ([name, value]) =>
      `${KNOWN.has(name) ? '' : note}  ${name}: ${JSON.stringify(value, null, 2).replaceAll('\n', '\n  ')},\n`,
  );
  return [
    "import OpenAI from 'openai';",
    '',
    `const client = new OpenAI({ baseURL: '${address}', apiKey: process.env.TRUNKLINE_KEY });`,
    `const answer = await client.${method}.create({\n${lines.join('')}});`,
    `console.log(${answer.typescript});`,
  ].join('\n');
}
