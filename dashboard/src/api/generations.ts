import { infiniteQueryOptions } from '@tanstack/react-query';
import { type Nano, nano } from '../lib/money';
import { at, send } from './client';
import { CsvReader } from './csv';

/** One row of the list. It carries no text of prompts or answers. */
export type LogRow = {
  id: string;
  createdAt: string;
  model: string;
  provider: string;
  keyHash: string;
  status: number;
  errorType: string;
  finishReason: string;
  streamed: boolean;
  cancelled: boolean;
  latency: number;
  promptTokens: number;
  completionTokens: number;
  cost: Nano;
  priceKnown: boolean;
  session: string;
};
export type LogFilter = { from?: string; until?: string; model?: string; key?: string; session?: string };

export const LOG_PAGE = 100;

export function exportAddress(filter: LogFilter): string {
  const query = new URLSearchParams();
  const members = {
    from: filter.from,
    until: filter.until,
    model: filter.model,
    api_key_hash: filter.key,
    session_id: filter.session,
  };
  for (const [name, value] of Object.entries(members)) if (value) query.set(name, value);
  return `api/v1/generations/export?${query}`;
}

export function readRow(head: string[], cells: string[]): LogRow {
  const cell = (name: string) => cells[head.indexOf(name)] ?? '';
  return {
    id: cell('id'),
    createdAt: cell('created_at'),
    model: cell('model') || cell('model_requested'),
    provider: cell('provider'),
    keyHash: cell('api_key_hash'),
    status: Number(cell('status')),
    errorType: cell('error_type'),
    finishReason: cell('finish_reason'),
    streamed: cell('streamed') === 'true',
    cancelled: cell('cancelled') === 'true',
    latency: Number(cell('latency_ms')),
    promptTokens: Number(cell('prompt_tokens')),
    completionTokens: Number(cell('completion_tokens')),
    cost: nano(cell('total_cost_usd') || 0),
    priceKnown: cell('price_state') !== 'unknown',
    session: cell('session_id'),
  };
}

/** Reads the newest rows and then hangs up. The API has no list of generations yet, but its export
    is written from newest to oldest while it is read, so that its beginning is a page. */
export async function firstRows(body: ReadableStream<Uint8Array>, limit: number): Promise<LogRow[]> {
  const source = body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  const csv = new CsvReader();
  const rows: LogRow[] = [];
  let head: string[] | null = null;
  while (rows.length < limit) {
    const { value, done } = await source.read();
    if (done) break;
    for (const cells of csv.push(value)) {
      if (head === null) head = cells;
      else if (rows.length < limit) rows.push(readRow(head, cells));
    }
  }
  await source.cancel().catch(() => undefined);
  return rows;
}

export type LogPage = { rows: LogRow[]; next: LogCursor | null };
export type LogCursor = { until: string; seen: string[] };

/** Where the page after `rows` starts. Moments are told to the millisecond and `until` excludes its
    moment, so the next page begins a millisecond later and passes over what was seen of it. */
export function cursorAfter(rows: LogRow[], before: string[] = []): LogCursor | null {
  const last = rows.at(-1);
  if (!last) return null;
  const of = rows.filter(row => row.createdAt === last.createdAt).map(row => row.id);
  // A page of one moment alone: what the page before saw of the moment was seen, too.
  const seen = of.length === rows.length ? [...before, ...of] : of;
  return { until: new Date(Date.parse(last.createdAt) + 1).toISOString(), seen };
}

export async function logPage(
  filter: LogFilter,
  cursor: LogCursor | null,
  signal?: AbortSignal,
): Promise<LogPage> {
  const until = cursor?.until ?? filter.until;
  const seen = cursor?.seen ?? [];
  const response = await send(at('') + exportAddress({ ...filter, until }), { signal });
  if (!response.body) return { rows: [], next: null };
  const wanted = LOG_PAGE + seen.length;
  const read = await firstRows(response.body, wanted);
  const rows = read.filter(row => !seen.includes(row.id)).slice(0, LOG_PAGE);
  return { rows, next: read.length < wanted ? null : cursorAfter(rows, seen) };
}

const newest = null as LogCursor | null;
export const logsQuery = (filter: LogFilter) =>
  infiniteQueryOptions({
    queryKey: ['logs', filter],
    initialPageParam: newest,
    queryFn: ({ pageParam, signal }) => logPage(filter, pageParam, signal),
    getNextPageParam: last => last.next,
  });
