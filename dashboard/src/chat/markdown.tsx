import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import json from 'highlight.js/lib/languages/json';
import python from 'highlight.js/lib/languages/python';
import rust from 'highlight.js/lib/languages/rust';
import sql from 'highlight.js/lib/languages/sql';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';
import { lexer, type Token, type Tokens } from 'marked';
import { Fragment, memo, type ReactNode } from 'react';

const LANGUAGES = { bash, json, python, rust, sql, typescript, xml, yaml };
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);
const ALSO: Record<string, string> = {
  js: 'typescript',
  jsx: 'typescript',
  ts: 'typescript',
  tsx: 'typescript',
  javascript: 'typescript',
  sh: 'bash',
  shell: 'bash',
  py: 'python',
  rs: 'rust',
  html: 'xml',
  yml: 'yaml',
};

/** The sign an entity stands for. No more than the entity itself is read as HTML, into what holds text alone. */
const reader = document.createElement('textarea');
const decoded = (text: string) =>
  text.replace(/&(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z][\da-z]{1,31});/gi, entity => {
    reader.innerHTML = entity;
    return reader.value;
  });

const safeAddress = (address: string) => (/^(https?:|mailto:|#|\/)/i.test(address) ? address : undefined);

/** Markdown becomes React elements, never a text of HTML: what a model writes cannot inject markup,
    and no sanitiser is needed. Each block is remembered by its source, so that a token that arrives
    renders the last block alone. */
export function Markdown({ text, live }: { text: string; live?: boolean }) {
  const blocks = lexer(text);
  return (
    <div className="prose-chat">
      {blocks.map((token, place) => (
        <Block key={place} token={token} plain={Boolean(live) && place === blocks.length - 1} />
      ))}
    </div>
  );
}
const Block = memo(
  ({ token, plain }: { token: Token; plain: boolean }) => <>{block(token, plain)}</>,
  (before, after) => before.token.raw === after.token.raw && before.plain === after.plain,
);

const each = <T,>(items: T[] | undefined, render: (item: T) => ReactNode): ReactNode =>
  items?.map((item, place) => <Fragment key={place}>{render(item)}</Fragment>);

const inline = (tokens?: Token[]): ReactNode => each(tokens, span);

/** Images are links as well: nothing is fetched from another host by looking at an answer. */
const link = (address: string, children: ReactNode) => (
  <a
    href={safeAddress(decoded(address))}
    target="_blank"
    rel="noreferrer noopener"
    className="text-accent underline"
  >
    {children}
  </a>
);

function span(token: Token): ReactNode {
  switch (token.type) {
    case 'strong':
      return <strong>{inline(token.tokens)}</strong>;
    case 'em':
      return <em>{inline(token.tokens)}</em>;
    case 'del':
      return <del>{inline(token.tokens)}</del>;
    case 'codespan':
      return <code>{token.text}</code>;
    case 'br':
      return <br />;
    case 'link':
      return link(token.href, inline(token.tokens));
    case 'image':
      return link(token.href, decoded(token.text) || 'image');
    case 'checkbox':
      return <TaskBox isDone={token.checked} />;
    case 'text':
      return 'tokens' in token && token.tokens ? inline(token.tokens) : decoded(token.text);
    case 'escape':
      return token.text;
    default:
      return token.raw;
  }
}

/** Read only: it tells what was written, and nothing can be done with it. */
const TaskBox = ({ isDone }: { isDone: boolean }) => (
  <>
    <input type="checkbox" checked={isDone} disabled aria-label={isDone ? 'done' : 'to do'} />{' '}
  </>
);

function block(token: Token, plain: boolean): ReactNode {
  switch (token.type) {
    case 'space':
      return null;
    case 'heading': {
      const Heading = `h${Math.min(6, token.depth + 2)}` as 'h3';
      return (
        <Heading dir="auto" className="text-md font-semibold">
          {inline(token.tokens)}
        </Heading>
      );
    }
    case 'paragraph':
      return <p dir="auto">{inline(token.tokens)}</p>;
    case 'checkbox':
      return <TaskBox isDone={token.checked} />;
    case 'text':
      return <>{inline(token.tokens) ?? decoded(token.text)}</>;
    case 'hr':
      return <hr className="border-rule" />;
    case 'blockquote':
      return (
        <blockquote dir="auto" className="border-s-2 border-rule ps-3 text-ink-2">
          {each(token.tokens, one => block(one, plain))}
        </blockquote>
      );
    case 'code':
      return <Code text={token.text} language={token.lang} plain={plain} />;
    case 'list':
      return list(token as Tokens.List, plain);
    case 'table':
      return table(token as Tokens.Table);
    default:
      return <p dir="auto">{token.raw}</p>;
  }
}

function list(token: Tokens.List, plain: boolean) {
  const items = each(token.items, item => (
    <li className={item.task ? 'list-none' : undefined}>{each(item.tokens, one => block(one, plain))}</li>
  ));
  return token.ordered ? (
    <ol dir="auto" start={token.start || 1}>
      {items}
    </ol>
  ) : (
    <ul dir="auto">{items}</ul>
  );
}

function table(token: Tokens.Table) {
  return (
    <section
      tabIndex={0}
      aria-label={`Table: ${token.header.map(cell => decoded(cell.text)).join(', ')}`}
      className="overflow-x-auto"
    >
      <table dir="auto" className="w-full text-start">
        <thead>
          <tr>
            {each(token.header, cell => (
              <th className="pe-3 text-start">{inline(cell.tokens)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {each(token.rows, row => (
            <tr className="border-t border-rule">
              {each(row, cell => (
                <td className="py-0.5 pe-3">{inline(cell.tokens)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Code({ text, language = '', plain }: { text: string; language?: string; plain: boolean }) {
  const name = ALSO[language] ?? language;
  // While a block is being written it stays plain, which keeps streaming cheap.
  if (plain || !hljs.getLanguage(name)) {
    return (
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
    );
  }
  const html = hljs.highlight(text, { language: name }).value;
  return (
    <pre tabIndex={0}>
      {/* biome-ignore lint/security/noDangerouslySetInnerHtml: highlight.js escapes what it is given */}
      <code dangerouslySetInnerHTML={{ __html: html }} />
    </pre>
  );
}
