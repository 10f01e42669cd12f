import { useEffect, useReducer, useRef } from 'react';
import { ApiError, at as addressOf, postJson, send } from '../api/client';
import { exact } from '../api/exact';
import { nano } from '../lib/money';
import {
  type Attachment,
  type ChatRequest,
  history,
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
  | { type: 'patch'; turn: number; place: number; patch: Partial<Reply> }
  | { type: 'clear' };

function reduce(turns: Turn[], action: Action): Turn[] {
  if (action.type === 'clear') return [];
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

const blank = (model: string): Reply => ({ model, text: '', reasoning: '', state: 'waiting' });
export const isRunning = (reply: Reply) => reply.state === 'waiting' || reply.state === 'streaming';

/** Of an answer no more events are kept to be looked at. */
const MOST_EVENTS = 2000;

type Question = { prompt: string; attachments: Attachment[] };
/** The parameters of a column. */
type Of = (place: number) => Parameters;

function shuffled(length: number): number[] {
  const order = Array.from({ length }, (_, place) => place);
  for (let at = length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1));
    [order[at], order[other]] = [order[other] as number, order[at] as number];
  }
  return order;
}

/** Asks several models at once. Tokens are gathered and painted once a frame, however fast they come. */
export function useCompare() {
  const [turns, dispatch] = useReducer(reduce, []);
  const running = useRef(new Map<string, AbortController>());
  const number = useRef(0);
  useEffect(() => {
    const all = running.current;
    return () => {
      for (const one of all.values()) one.abort();
    };
  }, []);

  function begin(before: Turn[], question: Question, models: string[], of: Of, blind: boolean) {
    const turn: Turn = {
      id: ++number.current,
      ...question,
      replies: models.map(blank),
      ...(blind && models.length > 1 && { order: shuffled(models.length) }),
    };
    dispatch({ type: 'ask', turn });
    models.forEach((model, place) => {
      const parameters = of(place);
      void run(turn.id, place, model, history(before, model, question, parameters.system), parameters);
    });
  }
  const ask = (question: Question, models: string[], of: Of, blind: boolean) =>
    begin(turns, question, models, of, blind);
  /** Asks another question in place of one that was asked, and of all after it. */
  function edit(turn: Turn, prompt: string, models: string[], of: Of, blind: boolean) {
    dispatch({ type: 'cut', from: turn.id });
    const before = turns.slice(0, turns.indexOf(turn));
    begin(before, { prompt, attachments: turn.attachments }, models, of, blind);
  }
  /** Asks one model again what it was asked in a turn. */
  function again(turn: Turn, place: number, parameters: Parameters) {
    const model = turn.replies[place]?.model;
    if (!model) return;
    const before = turns.slice(0, turns.indexOf(turn));
    dispatch({ type: 'patch', turn: turn.id, place, patch: { ...EMPTY, ...blank(model) } });
    void run(turn.id, place, model, history(before, model, turn, parameters.system), parameters);
  }

  async function run(
    turn: number,
    place: number,
    model: string,
    messages: Message[],
    parameters: Parameters,
  ) {
    const abort = new AbortController();
    running.current.set(`${turn}:${place}`, abort);
    const started = performance.now();
    const since = () => performance.now() - started;
    let text = '';
    let reasoning = '';
    let frame = 0;
    const raw: string[] = [];
    const patch = (change: Partial<Reply>) => dispatch({ type: 'patch', turn, place, patch: change });
    const paint = () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        patch({ text, reasoning });
      });
    };
    const finish = (change: Partial<Reply>) => {
      cancelAnimationFrame(frame);
      patch({ text, reasoning, total: since(), ...change });
    };
    try {
      const body: ChatRequest = {
        ...requestBody(model, messages, parameters),
        stream: true,
        stream_options: { include_usage: true },
      };
      const init = { ...postJson(body), signal: abort.signal };
      init.headers = { ...init.headers, 'x-openrouter-metadata': 'enabled' };
      patch({ raw: { request: body, events: raw } });
      const response = await send(addressOf('api/v1/chat/completions'), init);
      patch({ generation: response.headers.get('x-generation-id') ?? undefined });
      if (!response.body) throw new Error('The answer has no content.');
      let first = true;
      for await (const event of events(response.body)) {
        if (raw.length < MOST_EVENTS) raw.push(event);
        const chunk = JSON.parse(exact(event));
        const choice = chunk.choices?.[0];
        const delta = choice?.delta;
        text += delta?.content ?? '';
        reasoning += delta?.reasoning ?? '';
        if (first && (text || reasoning)) {
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
          error: (error as Error).message,
          ...(generation && { generation }),
          ...(limit && { limit }),
        });
      }
    } finally {
      running.current.delete(`${turn}:${place}`);
    }
  }

  return {
    turns,
    busy: turns.some(turn => turn.replies.some(isRunning)),
    ask,
    edit,
    again,
    vote: (turn: number, vote: Vote) => dispatch({ type: 'vote', turn, vote }),
    stop: (turn: number, place: number) => running.current.get(`${turn}:${place}`)?.abort(),
    stopAll: () => {
      for (const one of running.current.values()) one.abort();
    },
    clear: () => dispatch({ type: 'clear' }),
  };
}

/** Takes everything back that an answer told before it is asked for again. */
const EMPTY: Partial<Reply> = {
  error: undefined,
  limit: undefined,
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
