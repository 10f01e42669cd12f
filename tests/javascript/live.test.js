// Google's SDK for Gemini over its Live API: a WebSocket that passes through, and is paid for.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";

import { GoogleGenAI, Modality } from "@google/genai";
import { WebSocketServer } from "ws";

import { startGateway } from "./gateway.js";

const MODEL = "gemini-3.8-live";
const PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";

/** A provider that answers each turn of text with text, and counts it. */
class Provider {
  constructor() {
    this.requests = [];
    this.setups = [];
    this.server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    this.server.on("connection", (socket, request) => {
      this.requests.push(request);
      let turns = 0;
      socket.on("message", (data) => {
        const message = JSON.parse(data);
        if (message.setup) {
          this.setups.push(message.setup);
          return socket.send(Buffer.from(JSON.stringify({ setupComplete: {} })));
        }
        turns += 1;
        const said = message.clientContent.turns[0].parts[0].text;
        const serverContent = { modelTurn: { parts: [{ text: `You said ${said}` }] } };
        socket.send(Buffer.from(JSON.stringify({ serverContent })));
        socket.send(Buffer.from(JSON.stringify({
          serverContent: { turnComplete: true },
          usageMetadata: {
            promptTokenCount: 1000 * turns, responseTokenCount: 100,
            totalTokenCount: 1000 * turns + 100,
            promptTokensDetails: [
              { modality: "TEXT", tokenCount: 900 * turns },
              { modality: "AUDIO", tokenCount: 100 * turns },
            ],
            responseTokensDetails: [{ modality: "TEXT", tokenCount: 100 }],
          },
        })));
      });
    });
  }

  async url() {
    if (!this.server.address()) await once(this.server, "listening");
    return `http://127.0.0.1:${this.server.address().port}/v1beta`;
  }

  close() {
    return new Promise((done) => this.server.close(done));
  }
}

/** What a session hears, in order. */
class Heard {
  constructor() {
    this.messages = [];
    this.waiting = [];
    this.closed = new Promise((close) => {
      this.callbacks = {
        onmessage: (message) => {
          const waiting = this.waiting.shift();
          if (waiting) waiting(message);
          else this.messages.push(message);
        },
        onclose: close,
      };
    });
  }

  next() {
    if (this.messages.length) return Promise.resolve(this.messages.shift());
    return new Promise((found) => this.waiting.push(found));
  }
}

describe("@google/genai over the Live API", () => {
  const provider = new Provider();
  let gateway;
  let sessions = 0;
  before(async () => {
    gateway = await startGateway();
    const base = await provider.url();
    const add = ["credential", "add", "google-ai-studio", "--workspace", "default"];
    gateway.run(...add, "--key", "at-the-provider", "--base-url", base);
    // The gateway notices what a command has changed within a second.
    const headers = { authorization: `Bearer ${gateway.key}` };
    for (;;) {
      const answer = await fetch(`${gateway.url}/google-ai-studio/v1beta/models`, { headers });
      if (answer.status !== 403) break;
      await new Promise((done) => setTimeout(done, 50));
    }
  });
  after(async () => {
    await provider.close();
    assert.equal(await gateway.close(), 0);
  });

  const connect = (heard, path, model = MODEL, apiKey = gateway.key) =>
    new GoogleGenAI({
      apiKey, vertexai: false, apiVersion: "v1beta",
      httpOptions: { baseUrl: `${gateway.url}${path}` },
    }).live.connect({
      model, callbacks: heard.callbacks, config: { responseModalities: [Modality.TEXT] },
    });

  /** What the key has cost at the workspace's own credential, in dollars, once it is `expected`. */
  const cost = async (expected) => {
    const headers = { authorization: `Bearer ${gateway.key}` };
    for (const end = Date.now() + 10_000; ; await new Promise((done) => setTimeout(done, 20))) {
      const answer = await fetch(`${gateway.url}/api/v1/key`, { headers });
      const told = (await answer.json()).data.byok_usage;
      if (told === expected || Date.now() > end) return told;
    }
  };

  for (const path of ["", "/google-ai-studio"]) {
    test(`turns are answered and paid at ${path || "the gateway itself"}`, async () => {
      const heard = new Heard();
      const session = await connect(heard, path);
      assert.ok((await heard.next()).setupComplete);
      for (const said of ["one", "two"]) {
        session.sendClientContent({ turns: said });
        assert.equal((await heard.next()).text, `You said ${said}`);
        const end = await heard.next();
        assert.ok(end.serverContent.turnComplete);
        assert.equal(end.usageMetadata.responseTokenCount, 100);
      }
      session.close();
      await heard.closed;
      const request = provider.requests.at(-1);
      assert.equal(new URL(request.url, "ws://host").pathname, PATH);
      assert.equal(request.headers["x-goog-api-key"], "at-the-provider");
      assert.ok(!request.url.includes(gateway.key));
      assert.equal(provider.setups.at(-1).model, `models/${MODEL}`);
      // 2,700 tokens of text in, at $0.75 a million, 300 of sound, at $3, and 200 of text out, at $4.50.
      sessions += 1;
      assert.equal(await cost(sessions * 0.003825), sessions * 0.003825);
    });
  }

  test("where a limit has to hold, a model without a price is refused, and told why", async () => {
    const made = await fetch(`${gateway.url}/api/v1/keys`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${await gateway.managementKey()}`, "content-type": "application/json",
      },
      body: JSON.stringify({ name: "limited", limit: 1, include_byok_in_limit: true }),
    });
    const { key } = await made.json();
    const heard = new Heard();
    // The SDK goes on waiting for a session that was refused.
    void connect(heard, "", "unheard-of", key);
    const { code, reason } = await heard.closed;
    assert.equal(code, 1008);
    assert.match(reason, /the price of models\/unheard-of at google-ai-studio is not known/);
    assert.ok(provider.setups.every((setup) => setup.model === `models/${MODEL}`));
  });
});
