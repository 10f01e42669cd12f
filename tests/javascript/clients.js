// Two SDKs behind one face: requests and answers as they are on the wire.

import { OpenRouter } from "@openrouter/sdk";
import OpenAI from "openai";

/** An error before the answer began. */
export class Refused extends Error {
  constructor(status, message) {
    super(`${status}: ${message}`);
    this.status = status;
  }
}

/** An error in the midst of a stream. */
export class BrokenStream extends Error {}

/** OpenAI's SDK. */
export class OpenAiClient {
  static title = "openai";

  constructor(baseURL, apiKey) {
    this.sdk = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 30_000 });
  }

  async #ask(request) {
    try {
      return await this.sdk.chat.completions.create(request);
    } catch (error) {
      throw error.status ? new Refused(error.status, error.message) : error;
    }
  }

  chat(request) {
    return this.#ask(request);
  }

  async *stream(request) {
    const stream = await this.#ask({ ...request, stream: true });
    try {
      yield* stream;
    } catch (error) {
      throw error instanceof OpenAI.APIError ? new BrokenStream(error.message) : error;
    }
  }

  async models() {
    return (await this.sdk.models.list()).data.map((model) => model.id);
  }
}

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

// Members whose content is the user's own and keeps its names.
const OPAQUE = new Set(["parameters", "schema", "arguments"]);

/** A value with all member names rewritten: this SDK has its own spelling. */
function renamed(value, rename) {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      rename(name),
      OPAQUE.has(name) ? inner : renamed(inner, rename),
    ]),
  );
}

/** OpenRouter's SDK. */
export class OpenRouterClient {
  static title = "@openrouter/sdk";

  constructor(serverURL, apiKey) {
    const retryConfig = { strategy: "none" };
    this.sdk = new OpenRouter({ serverURL, apiKey, retryConfig, timeoutMs: 30_000 });
  }

  async #ask(request) {
    try {
      return await this.sdk.chat.send({ chatRequest: renamed(request, camel) });
    } catch (error) {
      throw error.statusCode >= 400 ? new Refused(error.statusCode, error.message) : error;
    }
  }

  async chat(request) {
    return renamed(await this.#ask(request), snake);
  }

  async *stream(request) {
    for await (const chunk of await this.#ask({ ...request, stream: true })) {
      if (chunk.error) throw new BrokenStream(chunk.error.message);
      yield renamed(chunk, snake);
    }
  }

  async models() {
    const answer = await this.sdk.models.list();
    const list = answer.data ?? answer.result?.data;
    return list.map((model) => model.id);
  }
}

export const SDKS = [OpenAiClient, OpenRouterClient];
export const PROTOCOLS = ["openai", "anthropic", "gemini"];

export const user = (content) => ({ role: "user", content });
export const textOf = (answer) => answer.choices[0].message.content ?? "";

/** All chunks of a stream. */
export async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const deltas = (chunks) => chunks.flatMap((chunk) => chunk.choices.slice(0, 1)).map((c) => c.delta);
export const streamedText = (chunks) => deltas(chunks).map((delta) => delta.content ?? "").join("");
export const usages = (chunks) => chunks.map((chunk) => chunk.usage).filter(Boolean);

/** Tool calls put together from a stream. */
export function streamedCalls(chunks) {
  const calls = [];
  for (const piece of deltas(chunks).flatMap((delta) => delta.tool_calls ?? [])) {
    calls[piece.index] ??= { id: undefined, type: "function", function: { name: "", arguments: "" } };
    const call = calls[piece.index];
    call.id ??= piece.id;
    call.function.name += piece.function?.name ?? "";
    call.function.arguments += piece.function?.arguments ?? "";
  }
  return calls;
}

/** A tool call with nothing but what goes back. */
export const plain = ({ id, function: { name, arguments: text } }) => ({
  id,
  type: "function",
  function: { name, arguments: text },
});
