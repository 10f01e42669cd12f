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
  expect(html('- a\n- b')).toMatch(/<ul><li>/);
  expect(html('|a|b|\n|-|-|\n|1|2|')).toContain('<td');
});
