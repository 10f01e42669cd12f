import { useSyncExternalStore } from 'react';
import { ApiError, at as addressOf, postJson, send } from '../api/client';
import { exact } from '../api/exact';
import { nano } from '../lib/money';
import { forgetWith } from '../session/session';
import { type Columns, NO_COLUMNS, withoutColumn } from './columns';
import {
  type Attachment,
  type ChatRequest,
  type Column,
  history,
  imagesOf,
  type Message,
  type Parameters,
  type Reply,
  requestBody,
  stopsOf,
  type Turn,
  type Vote,
} from './conversation';
import { events } from './sse';

type Action =
  | { type: 'ask'; turn: Turn }
  | { type: 'cut'; from: number }
  | { type: 'vote'; turn: number; vote: Vote }
  | { type: 'patch'; turn: number; place: number; patch: Partial<Reply> };

function reduce(turns: Turn[], action: Action): Turn[] {
  if (action.type === 'ask') return [...turns, action.turn];
  if (action.type === 'cut') return turns.filter(turn => turn.id < action.from);
  if (action.type === 'vote')
    return turns.map(turn => (turn.id === action.turn ? { ...turn, vote: action.vote } : turn));
  return turns.map(turn =>
    turn.id !== action.turn
      ? turn
      : {
          ...turn,
          replies: turn.replies.map((reply, place) =>
            place === action.place ? { ...reply, ...action.patch } : reply,
          ),
        },
  );
}

const blank = ({ id, model }: Column): Reply => ({
  model,
  column: id,
  text: '',
  reasoning: '',
  images: [],
  state: 'waiting',
});
export const isRunning = (reply: Reply) => reply.state === 'waiting' || reply.state === 'streaming';

/** Of an answer no more events are kept to be looked at. */
const MOST_EVENTS = 2000;

type Question = { prompt: string; attachments: Attachment[] };
/** The parameters of a column. */
type Of = (column: number) => Parameters;

function shuffled(length: number): number[] {
  const order = Array.from({ length }, (_, place) => place);
  for (let at = length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1));
    [order[at], order[other]] = [order[other] as number, order[at] as number];
  }
  return order;
}

type Conversation = {
  turns: Turn[];
  columns: Columns;
  /** What is written and not sent; nothing until somebody wrote. */
  draft: string | undefined;
  attached: Attachment[];
  /** What the address said last: whoever comes back without it finds the columns as they were. */
  standing: Standing | undefined;
};
export type Standing = { models: string; set?: string; blind?: boolean };
const NOTHING: Conversation = {
  turns: [],
  columns: NO_COLUMNS,
  draft: undefined,
  attached: [],
  standing: undefined,
};

/** The conversation of this tab. It is kept outside of the page: whoever looks at a record and comes
    back, or has to sign in anew, finds it as it was. It is in memory alone. */
let now = NOTHING;
const listeners = new Set<() => void>();
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};
function put(change: Partial<Conversation>) {
  now = { ...now, ...change };
  for (const listener of listeners) listener();
}
const dispatch = (action: Action) => put({ turns: reduce(now.turns, action) });

const running = new Map<string, AbortController>();
let number = 0;

function begin(before: Turn[], question: Question, columns: Column[], of: Of, blind: boolean) {
  const turn: Turn = {
    id: ++number,
    ...question,
    replies: columns.map(blank),
    ...(blind && columns.length > 1 && { order: shuffled(columns.length) }),
  };
  dispatch({ type: 'ask', turn });
  columns.forEach((column, place) => {
    const parameters = of(column.id);
    const messages = history(before, column, question, parameters.system);
    void run(turn.id, place, column.model, messages, parameters);
  });
}

const ask = (question: Question, columns: Column[], of: Of, blind: boolean) =>
  begin(now.turns, question, columns, of, blind);

/** Asks another question in place of one that was asked, and of all after it. What still answers one of
    those would go on unseen, and cost. */
function edit(turn: Turn, prompt: string, columns: Column[], of: Of, blind: boolean) {
  const before = now.turns.filter(one => one.id < turn.id);
  for (const { id, replies } of now.turns)
    if (id >= turn.id) for (const place of replies.keys()) stop(id, place);
  dispatch({ type: 'cut', from: turn.id });
  begin(before, { prompt, attachments: turn.attachments }, columns, of, blind);
}

/** Asks one model again what it was asked in a turn. */
function again(turn: Turn, place: number, of: Of) {
  const reply = turn.replies[place];
  if (!reply) return;
  const column = { id: reply.column, model: reply.model };
  const parameters = of(column.id);
  const before = now.turns.filter(one => one.id < turn.id);
  dispatch({ type: 'patch', turn: turn.id, place, patch: { ...EMPTY, ...blank(column) } });
  void run(turn.id, place, column.model, history(before, column, turn, parameters.system), parameters);
}

function stopAll() {
  for (const one of running.values()) one.abort();
}

/** It is one person's: another one finds nothing of it. */
forgetWith(() => {
  stopAll();
  put(NOTHING);
});

/** Tokens are gathered and painted once a frame, however fast they come. */
async function run(turn: number, place: number, model: string, messages: Message[], parameters: Parameters) {
  const abort = new AbortController();
  running.set(`${turn}:${place}`, abort);
  const started = performance.now();
  const since = () => performance.now() - started;
  let text = '';
  let reasoning = '';
  let images: string[] = [];
  let frame = 0;
  const raw: string[] = [];
  const patch = (change: Partial<Reply>) => dispatch({ type: 'patch', turn, place, patch: change });
  const paint = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      patch({ text, reasoning, images });
    });
  };
  const finish = (change: Partial<Reply>) => {
    cancelAnimationFrame(frame);
    patch({ text, reasoning, images, total: since(), ...change });
  };
  try {
    const body: ChatRequest = {
      ...requestBody(model, messages, parameters),
      stream: true,
      stream_options: { include_usage: true },
    };
    const init = { ...postJson(body), signal: abort.signal };
    init.headers = { ...init.headers, 'x-openrouter-metadata': 'enabled', 'x-title': 'Trunkline playground' };
    patch({ raw: { request: body, events: raw } });
    const response = await send(addressOf('api/v1/chat/completions'), init);
    patch({ generation: response.headers.get('x-generation-id') ?? undefined });
    if (!response.body) throw new Error('The answer has no content.');
    let first = true;
    for await (const event of events(response.body)) {
      if (raw.length < MOST_EVENTS) raw.push(event);
      const chunk = JSON.parse(exact(event));
      const choice = chunk.choices?.[0];
      // A provider that does not stream sends all as a message.
      const delta = choice?.delta ?? choice?.message;
      text += delta?.content ?? delta?.audio?.transcript ?? '';
      reasoning += delta?.reasoning ?? '';
      images = imagesOf(images, delta?.images);
      if (delta?.audio) patch({ hasSound: true });
      if (first && (text || reasoning || images.length > 0)) {
        first = false;
        patch({ state: 'streaming', firstToken: since(), provider: chunk.provider });
      }
      if (delta) paint();
      if (choice?.finish_reason) patch({ finishReason: choice.finish_reason });
      if (chunk.openrouter_metadata) patch({ route: stopsOf(chunk.openrouter_metadata) });
      if (chunk.usage) patch(usageOf(chunk.usage));
      if (chunk.error) throw new Error(chunk.error.message);
    }
    finish({ state: 'done' });
  } catch (error) {
    if (abort.signal.aborted) finish({ state: 'stopped' });
    else {
      const generation = error instanceof ApiError ? error.generation : null;
      const limit = error instanceof ApiError ? error.limit : null;
      finish({
        state: 'failed',
        error: toldOf(error),
        ...(generation && { generation }),
        ...(limit && { limit }),
      });
    }
  } finally {
    running.delete(`${turn}:${place}`);
  }
}

/** What the browser says of a connection that breaks while an answer comes is no sentence. */
const toldOf = (error: unknown) =>
  error instanceof TypeError
    ? 'The connection broke before the answer was complete.'
    : (error as Error).message;

/** Asks several models at once, and keeps what they answer. */
export function useCompare() {
  const kept = useSyncExternalStore(subscribe, () => now);
  return {
    ...kept,
    busy: kept.turns.some(turn => turn.replies.some(isRunning)),
    ask,
    edit,
    again,
    vote,
    stop,
    stopAll,
    clear,
    write,
    attach,
    stand,
    removeColumn,
  };
}
const vote = (turn: number, vote: Vote) => dispatch({ type: 'vote', turn, vote });
const stop = (turn: number, place: number) => running.get(`${turn}:${place}`)?.abort();
const clear = () => {
  stopAll();
  put({ turns: [] });
};
const write = (draft: string) => put({ draft });
/** `change`: of what is attached at that moment, which may be more than when a file began to be read. */
const attach = (change: (attached: Attachment[]) => Attachment[]) => put({ attached: change(now.attached) });
const stand = (standing: Standing) => put({ standing });
/** `columns`: as they stand on the page. */
const removeColumn = (columns: Columns, place: number) => put({ columns: withoutColumn(columns, place) });

/** Takes everything back that an answer told before it is asked for again. */
const EMPTY: Partial<Reply> = {
  error: undefined,
  limit: undefined,
  hasSound: undefined,
  generation: undefined,
  provider: undefined,
  firstToken: undefined,
  total: undefined,
  promptTokens: undefined,
  completionTokens: undefined,
  cachedTokens: undefined,
  reasoningTokens: undefined,
  cost: undefined,
  finishReason: undefined,
  route: undefined,
  raw: undefined,
};

type Usage = {
  prompt_tokens: number;
  completion_tokens: number;
  cost?: number | string | null;
  prompt_tokens_details?: { cached_tokens?: number };
  completion_tokens_details?: { reasoning_tokens?: number };
};
function usageOf(usage: Usage): Partial<Reply> {
  return {
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens,
    reasoningTokens: usage.completion_tokens_details?.reasoning_tokens,
    cost: usage.cost == null ? null : nano(usage.cost),
  };
}
