// Google's SDK for Gemini, over each protocol.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { ApiError, GoogleGenAI, Type } from "@google/genai";

import {
  also, call, ECHO, forget, hungUp, LONG, MODELS, PIXEL, play, QUESTION,
} from "./conversation.js";
import { startGateway } from "./gateway.js";

const WEATHER = {
  name: "get_weather",
  description: "The weather in a city.",
  parameters: {
    type: Type.OBJECT,
    properties: { city: { type: Type.STRING }, days: { type: Type.INTEGER } },
    required: ["city", "days"],
  },
};

let gateway;
before(async () => {
  gateway = await startGateway();
});
after(async () => {
  assert.equal(await gateway.close(), 0);
});

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

for (const [dialect, model] of MODELS) {
  describe(`@google/genai over ${dialect}`, () => {
    const models = (apiKey = gateway.key) =>
      new GoogleGenAI({
        apiKey, vertexai: false, apiVersion: "v1beta",
        httpOptions: { baseUrl: gateway.url, timeout: 30_000 },
      }).models;

    test("an answer and a stream say the same", async () => {
      const whole = await models().generateContent({ model, contents: QUESTION });
      assert.ok(whole.text.includes(ECHO));
      assert.equal(whole.candidates[0].finishReason, "STOP");
      const stream = await models().generateContentStream({ model, contents: QUESTION });
      const chunks = await collect(stream);
      assert.ok(chunks.length > 1);
      assert.equal(chunks.map((chunk) => chunk.text ?? "").join(""), whole.text);
      const { usageMetadata } = chunks.at(-1);
      assert.ok(usageMetadata.candidatesTokenCount > 0);
      assert.equal(
        usageMetadata.candidatesTokenCount, whole.usageMetadata.candidatesTokenCount,
      );
    });

    for (const streamed of [false, true]) {
      test(`tools are called in a loop${streamed ? ", streamed" : ""}`, async () => {
        const said = play(
          "Go.",
          call("get_weather", { city: "Oslo", days: 3 }),
          call("get_weather", { city: "Århus", days: 1 }),
          also("get_weather", { city: "東京", days: 2 }),
        );
        const contents = [{ role: "user", parts: [{ text: said }] }];
        const config = { tools: [{ functionDeclarations: [WEATHER] }] };
        const called = [];
        let text;
        for (let turn = 0; turn < 5; turn += 1) {
          const ask = { model, contents, config };
          const chunks = streamed
            ? await collect(await models().generateContentStream(ask))
            : [await models().generateContent(ask)];
          const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []);
          text = parts.map((part) => part.text ?? "").join("");
          const calls = parts.map((part) => part.functionCall).filter(Boolean);
          if (calls.length === 0) break;
          called.push(calls.map(({ args }) => [args.city, args.days]));
          contents.push({ role: "model", parts });
          contents.push({
            role: "user",
            parts: calls.map(({ id, name, args }) => ({
              functionResponse: {
                id, name, response: { output: `${args.days} days of rain in ${args.city}` },
              },
            })),
          });
        }
        assert.deepEqual(called, [[["Oslo", 3]], [["Århus", 1], ["東京", 2]]]);
        assert.ok(text.includes("1 days of rain in Århus"));
        assert.ok(text.includes("2 days of rain in 東京"));
      });
    }

    test("an image is seen", async () => {
      const contents = [
        "What is this?", { inlineData: { mimeType: "image/png", data: PIXEL } },
      ];
      assert.match((await models().generateContent({ model, contents })).text, /I see 1 image\./);
    });

    test("tokens are counted", async () => {
      const { totalTokens: short } = await models().countTokens({ model, contents: QUESTION });
      const { totalTokens: long } = await models().countTokens({ model, contents: LONG });
      assert.ok(short > 0 && short < long);
    });

    test("failures have their status", async () => {
      for (const [name, status] of [[`${model}-limited`, 429], [`${model}-fails`, 502]]) {
        const ask = { model: name, contents: QUESTION };
        const refused = (error) => error instanceof ApiError && error.status === status;
        await assert.rejects(models().generateContent(ask), refused);
        await assert.rejects(models().generateContentStream(ask), refused);
      }
      const stranger = models("wrong").generateContent({ model, contents: QUESTION });
      await assert.rejects(stranger, (error) => error instanceof ApiError);
    });

    test("a caller who leaves stops the provider", async () => {
      await forget(gateway);
      const leaving = new AbortController();
      const stream = await models().generateContentStream({
        model: `${model}-drip`, contents: LONG, config: { abortSignal: leaving.signal },
      });
      await assert.rejects(async () => {
        for await (const _ of stream) leaving.abort();
      });
      await hungUp(gateway);
    });
  });
}
