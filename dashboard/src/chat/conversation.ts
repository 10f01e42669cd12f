import type { LimitScope } from '../api/client';
import type { RouteMetadata } from '../api/queries';
import type { Nano } from '../lib/money';
import type { Stop } from '../ui/track';

export type ReplyState = 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed';
export type Reply = {
  model: string;
  /** The column that asked for it. */
  column: number;
  state: ReplyState;
  text: string;
  reasoning: string;
  /** Addresses of images that were made. */
  images: string[];
  /** Whether it came as sound as well, which is not played. */
  hasSound?: boolean;
  error?: string;
  /** Whose limit refused it, if that is why it failed. */
  limit?: LimitScope;
  /** With it the record of the request can be opened. */
  generation?: string;
  provider?: string;
  /** Milliseconds as measured here, the network included. */
  firstToken?: number;
  total?: number;
  promptTokens?: number;
  completionTokens?: number;
  cachedTokens?: number;
  reasoningTokens?: number;
  /** Null where the price is not known. */
  cost?: Nano | null;
  finishReason?: string;
  route?: Stop[];
  /** What was sent, and the events as they came; only so many are kept. */
  raw?: { request: ChatRequest; events: string[] };
};
export type Attachment = {
  name: string;
  kind: 'image' | 'file' | 'text';
  /** A data: address; of a text the text itself. */
  content: string;
  size: number;
};
export type Vote = { best: number } | 'tie';
export type Turn = {
  id: number;
  prompt: string;
  attachments: Attachment[];
  replies: Reply[];
  /** Of a blind comparison: where each answer stands, so that its place tells nothing. */
  order?: number[];
  vote?: Vote;
};
export type Part =
  | { type: 'text'; text: string }
  | { type: 'image_url'; image_url: { url: string } }
  | { type: 'file'; file: { filename: string; file_data: string } };
export type Message = { role: 'system' | 'user' | 'assistant'; content: string | Part[] };
export type Parameters = {
  system?: string;
  temperature?: number;
  topP?: number;
  maxTokens?: number;
  effort?: string;
  seed?: number;
  /** Only these providers, by slug, in this order. */
  providers?: string;
};
export type ChatRequest = { model: string; messages: Message[]; [member: string]: unknown };

/** What a person wrote, with what came along. Texts are sent as texts: every model reads them. */
export function contentOf(prompt: string, attachments: Attachment[]): string | Part[] {
  if (attachments.length === 0) return prompt;
  return [
    ...attachments.map((one): Part => {
      if (one.kind === 'image') return { type: 'image_url', image_url: { url: one.content } };
      if (one.kind === 'file') return { type: 'file', file: { filename: one.name, file_data: one.content } };
      return { type: 'text', text: `${one.name}:\n\n${one.content}` };
    }),
    { type: 'text', text: prompt },
  ];
}

type Question = { prompt: string; attachments: Attachment[] };

/** Of two columns with one model each has a conversation of its own. */
export type Column = { id: number; model: string };

/** What a column's model is sent: its own answers so far, not those of the others. Turns it did not answer
    are left out, since a question without an answer confuses the next. */
export function history(turns: Turn[], column: Column, question: Question, system?: string): Message[] {
  const messages: Message[] = system ? [{ role: 'system', content: system }] : [];
  for (const turn of turns) {
    const reply = turn.replies.find(
      one => one.column === column.id && one.model === column.model && one.text,
    );
    if (reply)
      messages.push(
        { role: 'user', content: contentOf(turn.prompt, turn.attachments) },
        { role: 'assistant', content: reply.text },
      );
  }
  messages.push({ role: 'user', content: contentOf(question.prompt, question.attachments) });
  return messages;
}

/** Places of the answers of a turn that can be judged: those that came to their end. */
export const judgedOf = (turn: Turn): number[] =>
  turn.replies.flatMap((reply, place) => (reply.state === 'done' ? [place] : []));

export function requestBody(model: string, messages: Message[], parameters: Parameters): ChatRequest {
  const providers = parameters.providers?.split(/[\s,]+/).filter(Boolean) ?? [];
  return {
    model,
    messages,
    ...(parameters.temperature !== undefined && { temperature: parameters.temperature }),
    ...(parameters.topP !== undefined && { top_p: parameters.topP }),
    ...(parameters.maxTokens !== undefined && { max_tokens: parameters.maxTokens }),
    ...(parameters.seed !== undefined && { seed: parameters.seed }),
    ...(parameters.effort !== undefined && { reasoning: { effort: parameters.effort } }),
    ...(providers.length > 0 && { provider: { order: providers, allow_fallbacks: false } }),
  };
}

type GivenImages = { image_url?: { url?: unknown } }[] | null;
/** The images of an answer so far, with those that came; some providers send them again at the end. */
export function imagesOf(images: string[], came: GivenImages | undefined): string[] {
  if (!Array.isArray(came)) return images;
  const fresh = came
    .map(one => one?.image_url?.url)
    .filter(
      url =>
        typeof url === 'string' && /^(data:image\/[\w.+-]+[;,]|https:\/\/)/i.test(url) && URL.canParse(url),
    );
  return [...new Set([...images, ...(fresh as string[])])];
}

export function stopsOf(metadata: RouteMetadata): Stop[] {
  return (metadata.attempts ?? []).map(attempt => ({ provider: attempt.provider, status: attempt.status }));
}

/** Tokens in a second of writing; what came before the first token is waiting. */
export function tokenSpeed(reply: Reply): number | null {
  if (!reply.completionTokens || reply.total === undefined || reply.firstToken === undefined) return null;
  const writing = reply.total - reply.firstToken;
  return writing > 0 ? reply.completionTokens / (writing / 1000) : null;
}
