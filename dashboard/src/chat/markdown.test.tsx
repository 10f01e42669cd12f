import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { expect, it } from 'vitest';
import { Markdown } from './markdown';

function html(text: string, live = false) {
  const place = document.createElement('div');
  flushSync(() => createRoot(place).render(<Markdown text={text} live={live} />));
  return place.innerHTML;
}

it('shows raw HTML as text and drops script links', () => {
  const h = html('<img src=x onerror=alert(1)> [x](javascript:alert(1)) <script>alert(1)</script>');
  expect(h).not.toMatch(/<img|<script|javascript:/);
});
it('renders an unfinished fence as code while it streams, and highlights it when done', () => {
  expect(html('```rust\nfn main() {', true)).toContain('<pre tabindex="0"><code>fn main() {</code></pre>');
  expect(html('```rust\nfn main() {}\n```')).toContain('hljs-keyword');
});
it('renders lists and tables', () => {
  expect(html('- a\n- b')).toMatch(/<ul[^>]*><li>/);
  expect(html('|a|b|\n|-|-|\n|1|2|')).toContain('<td');
});
it('renders lists of tasks, each in a line with its box', () => {
  const h = html('- [ ] todo\n- [x] **done**\n\n1. [ ] first\n\n2. second');
  expect(h).not.toContain('[ ]');
  expect(h).not.toContain('[x]');
  expect(h.match(/<input/g)).toHaveLength(3);
  expect(h).toMatch(/<input[^>]*aria-label="done"[^>]*> ?<strong>done/);
});
it('reads entities as the signs they stand for, as text alone', () => {
  expect(html('AT&amp;T &#8364; &#x41; &lt;b&gt;')).toContain('AT&amp;T € A &lt;b&gt;');
  expect(html('`&amp;` stays')).toContain('<code>&amp;amp;</code>');
  expect(html('[a](https://example.org/?a=1&amp;b=2)')).toContain('href="https://example.org/?a=1&amp;b=2"');
  expect(html('[a](java&#115;cript:alert(1))')).not.toContain('href');
  expect(html('&lt;img src=x onerror=alert(1)&gt;')).not.toContain('<img');
  expect(html('5 &unknown; 6 &c')).toContain('5 &amp;unknown; 6 &amp;c');
});
it('each block is read from its own side, and a table is reached by keys', () => {
  expect(html('مرحبا\n\nHello').match(/dir="auto"/g)).toHaveLength(2);
  expect(html('|a|b|\n|-|-|\n|1|2|')).toMatch(/<section[^>]*tabindex="0"[^>]*aria-label="Table: a, b"/);
});
