import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import type { Part } from '../chat/sse';
import { type Nano, nano } from '../lib/money';
import type { Stop } from '../ui/track';
import { at, read, send } from './client';
import type { LogFilter, Outcome } from './filters';

export type { LogFilter, Outcome } from './filters';

type Given = {
  id: string;
  created_at: string;
  model: string;
  provider_name: string | null;
  route: { provider: string; status: number | null; error: string | null; ms: number | null }[];
  api_key: { hash: string; name: string | null };
  app: string | null;
  user: string | null;
  session_id: string | null;
  tokens_prompt: number;
  tokens_completion: number;
  tokens_cached: number | null;
  tokens_reasoning: number | null;
  cost: number | string | null;
  first_token_ms: number | null;
  latency_ms: number | null;
  generation_time_ms: number | null;
  speed: number | null;
  status: Outcome;
  finish_reason: string | null;
  error_type: string | null;
  streamed: boolean;
};

/** One row of the list. It carries no text of prompts or answers. */
export type LogRow = {
  id: string;
  createdAt: string;
  model: string;
  provider: string | null;
  route: Stop[];
  keyHash: string;
  keyName: string;
  app: string | null;
  status: Outcome;
  errorType: string | null;
  finishReason: string | null;
  firstToken: number | null;
  /** From the request's arrival to the last byte of the answer, ms. */
  took: number | null;
  promptTokens: number;
  completionTokens: number;
  cost: Nano;
  priceKnown: boolean;
};

type Measured = {
  /** From the request's arrival to the first of the answer, ms. */
  latency: number;
  /** From the request's arrival to the end of the answer, ms. */
  elapsed: number;
  tokens: number;
};
/** What an answer took: writing is what comes after the first of it; without any there is no speed. */
export function timesOf({ latency, elapsed, tokens }: Measured) {
  const all = Math.max(latency, elapsed);
  const writing = all - latency;
  return { all, writing, speed: writing > 0 && tokens > 0 ? tokens / (writing / 1000) : null };
}

export const rowOf = (given: Given): LogRow => ({
  id: given.id,
  createdAt: given.created_at,
  model: given.model,
  provider: given.provider_name,
  route: given.route.map(stop => ({
    provider: stop.provider,
    status: stop.status,
    error: stop.error ?? undefined,
    latency: stop.ms ?? undefined,
  })),
  keyHash: given.api_key.hash,
  keyName: given.api_key.name ?? '',
  app: given.app,
  status: given.status,
  errorType: given.error_type,
  finishReason: given.finish_reason,
  firstToken: given.first_token_ms,
  took:
    given.latency_ms === null
      ? null
      : timesOf({ latency: given.latency_ms, elapsed: given.generation_time_ms ?? 0, tokens: 0 }).all,
  promptTokens: given.tokens_prompt,
  completionTokens: given.tokens_completion,
  cost: nano(given.cost),
  priceKnown: given.cost !== null,
});

export const LOG_PAGE = 100;

const queryOf = (filter: LogFilter) => {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) if (value) query.set(name, value);
  return query;
};

/** The file of what a filter shows, made by the server while it is read. */
export const exportAddress = (filter: LogFilter) => `api/internal/generations/export?${queryOf(filter)}`;

export type LogPage = { rows: LogRow[]; next: string | null };

export async function generationsPage(
  filter: LogFilter,
  cursor: string | null,
  limit = LOG_PAGE,
  signal?: AbortSignal,
): Promise<LogPage> {
  const query = queryOf(filter);
  query.set('limit', String(limit));
  if (cursor) query.set('cursor', cursor);
  const answer = await read<{ data: Given[]; next_cursor: string | null }>(
    `api/internal/generations?${query}`,
    { signal },
  );
  return { rows: answer.data.map(rowOf), next: answer.next_cursor };
}

/** One row by its id: it knows names that the record has not. Null where the list has none such. */
export const rowQuery = (id: string) =>
  queryOptions({
    queryKey: ['log-row', id],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => {
      const { rows } = await generationsPage({ text: id }, null, 1, signal);
      return rows.find(row => row.id === id) ?? null;
    },
  });

const newest = null as string | null;
export const logsQuery = (filter: LogFilter) =>
  infiniteQueryOptions({
    queryKey: ['logs', filter],
    // What comes meanwhile is told by the stream of new rows.
    staleTime: 5_000,
    initialPageParam: newest,
    queryFn: ({ pageParam, signal }) => generationsPage(filter, pageParam, LOG_PAGE, signal),
    getNextPageParam: last => last.next,
  });

export const lastFailuresQuery = queryOptions({
  queryKey: ['last-failures'],
  staleTime: 5_000,
  queryFn: ({ signal }) => generationsPage({ status: 'failed' }, null, 5, signal),
});

export type Histogram = { step_seconds: number; data: { at: string; ok: number; failed: number }[] };
export const histogramQuery = (filter: LogFilter) =>
  queryOptions({
    queryKey: ['logs-histogram', filter],
    staleTime: 10_000,
    queryFn: () => read<Histogram>(`api/internal/generations/histogram?${queryOf(filter)}`),
  });

/** What the live stream tells: that it listens, from which moment on nothing is left out; that some
    rows went by unseen; or a row. */
export type Told = 'listening' | 'missed' | LogRow;

/** What is told by a part of the stream; null by what keeps it open. */
export function toldBy(part: Part, exact: (json: string) => string): Told | null {
  if ('comment' in part) {
    if (part.comment.startsWith('listening')) return 'listening';
    return part.comment.includes('unseen') ? 'missed' : null;
  }
  if (part.event === 'missed') return 'missed';
  return part.data ? rowOf(JSON.parse(exact(part.data)) as Given) : null;
}

/** Reads new rows as they come until it is told to stop. Text decoding and events are those of the
    playground, and so a broken connection ends it: the caller starts again. */
export async function* tail(filter: LogFilter, signal: AbortSignal): AsyncGenerator<Told> {
  const { parts } = await import('../chat/sse');
  const { exact } = await import('./exact');
  const response = await send(`${at('')}api/internal/generations/stream?${queryOf(filter)}`, { signal });
  if (!response.body) return;
  let listens = false;
  for await (const part of parts(response.body)) {
    const told = toldBy(part, exact);
    // It says so again and again, to keep the connection open.
    if (told === null || (told === 'listening' && listens)) continue;
    if (told === 'listening') listens = true;
    yield told;
  }
}
