import type { RouteMetadata } from '../api/queries';
import type { Nano } from '../lib/money';
import type { Stop } from '../ui/track';

export type ReplyState = 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed';
export type Reply = {
  model: string;
  state: ReplyState;
  text: string;
  reasoning: string;
  error?: string;
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
};
export type Turn = { id: number; prompt: string; replies: Reply[] };
export type Message = { role: 'system' | 'user' | 'assistant'; content: string };
export type Parameters = {
  system?: string;
  temperature?: number;
  topP?: number;
  maxTokens?: number;
  effort?: string;
};

/** What a model is sent: its own answers so far, not those of the others. Turns it did not answer
    are left out, since a question without an answer confuses the next. */
export function history(turns: Turn[], model: string, prompt: string, system?: string): Message[] {
  const messages: Message[] = system ? [{ role: 'system', content: system }] : [];
  for (const turn of turns) {
    const reply = turn.replies.find(one => one.model === model && one.text);
    if (reply)
      messages.push({ role: 'user', content: turn.prompt }, { role: 'assistant', content: reply.text });
  }
  messages.push({ role: 'user', content: prompt });
  return messages;
}

export function requestBody(model: string, messages: Message[], parameters: Parameters) {
  return {
    model,
    messages,
    ...(parameters.temperature !== undefined && { temperature: parameters.temperature }),
    ...(parameters.topP !== undefined && { top_p: parameters.topP }),
    ...(parameters.maxTokens !== undefined && { max_tokens: parameters.maxTokens }),
    ...(parameters.effort !== undefined && { reasoning: { effort: parameters.effort } }),
  };
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
