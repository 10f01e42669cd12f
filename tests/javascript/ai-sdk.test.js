// The AI SDK with OpenRouter's provider, over each protocol.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { createOpenRouter } from "@openrouter/ai-sdk-provider";
import { generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import {
  also, call, ECHO, forget, hungUp, LONG, MODELS, PIXEL, play, QUESTION,
} from "./conversation.js";
import { startGateway } from "./gateway.js";

let gateway;
before(async () => {
  gateway = await startGateway();
});
after(async () => {
  assert.equal(await gateway.close(), 0);
});

for (const [dialect, name] of MODELS) {
  describe(`@openrouter/ai-sdk-provider over ${dialect}`, () => {
    const model = (id = name) =>
      createOpenRouter({
        baseURL: gateway.baseUrl,
        apiKey: gateway.key,
        compatibility: "strict",
      })(id, { usage: { include: true } });

    test("a plain answer and a stream say and cost the same", async () => {
      const whole = await generateText({ model: model(), prompt: QUESTION, maxRetries: 0 });
      assert.ok(whole.text.includes(ECHO));
      assert.equal(whole.finishReason, "stop");
      const streamed = streamText({ model: model(), prompt: QUESTION, maxRetries: 0 });
      const pieces = [];
      for await (const piece of streamed.textStream) pieces.push(piece);
      assert.ok(pieces.length > 1);
      assert.equal(pieces.join(""), whole.text);
      const usage = await streamed.usage;
      assert.ok(usage.outputTokens > 0);
      assert.equal(usage.outputTokens, whole.usage.outputTokens);
      const cost = (await streamed.providerMetadata).openrouter.usage.cost;
      assert.ok(cost > 0);
      assert.equal(cost, whole.providerMetadata.openrouter.usage.cost);
    });

    for (const streamed of [false, true]) {
      test(`tools are called in a loop${streamed ? ", streamed" : ""}`, async () => {
        const called = [];
        const weather = tool({
          description: "The weather in a city.",
          inputSchema: z.object({ city: z.string(), days: z.number().int() }),
          execute: async ({ city, days }) => {
            called.push([city, days]);
            return { forecast: `${days} days of rain in ${city}` };
          },
        });
        const request = {
          model: model(),
          tools: { get_weather: weather },
          stopWhen: stepCountIs(5),
          maxRetries: 0,
          prompt: play(
            "Go.",
            call("get_weather", { city: "Oslo", days: 3 }),
            call("get_weather", { city: "Århus", days: 1 }),
            also("get_weather", { city: "東京", days: 2 }),
          ),
        };
        const answer = streamed ? streamText(request) : await generateText(request);
        const text = await answer.text;
        assert.deepEqual(called, [["Oslo", 3], ["Århus", 1], ["東京", 2]]);
        assert.equal((await answer.steps).length, 3);
        assert.ok(text.includes("1 days of rain in Århus"));
        assert.ok(text.includes("2 days of rain in 東京"));
      });
    }

    test("a structured answer fits its schema", async () => {
      const schema = z.object({ city: z.string(), degrees: z.number() });
      const request = {
        model: model(),
        output: Output.object({ schema }),
        prompt: "Weather in Oslo",
        maxRetries: 0,
      };
      const whole = await generateText(request);
      assert.deepEqual(schema.parse(whole.output), whole.output);
      assert.deepEqual(await streamText(request).output, whole.output);
    });

    test("an image is seen", async () => {
      const content = [
        { type: "text", text: "What is this?" },
        { type: "file", mediaType: "image/png", data: PIXEL },
      ];
      const answer = await generateText({
        model: model(), messages: [{ role: "user", content }], maxRetries: 0,
      });
      assert.match(answer.text, /I see 1 image\./);
    });

    test("a provider's refusal is an error with its status", async () => {
      const asked = generateText({ model: model(`${name}-limited`), prompt: "x", maxRetries: 0 });
      await assert.rejects(asked, (error) => error.statusCode === 429);
    });

    test("a stream that breaks says so", async () => {
      const errors = [];
      const streamed = streamText({
        model: model(`${name}-errs`),
        prompt: QUESTION,
        maxRetries: 0,
        onError: ({ error }) => errors.push(error),
      });
      for await (const _ of streamed.fullStream);
      assert.equal(errors.length, 1);
    });

    test("a caller who leaves stops the provider", async () => {
      await forget(gateway);
      const leaving = new AbortController();
      const { textStream } = streamText({
        model: model(`${name}-drip`),
        prompt: LONG,
        abortSignal: leaving.signal,
        maxRetries: 0,
      });
      for await (const _ of textStream) {
        leaving.abort();
        break;
      }
      await hungUp(gateway);
    });
  });
}

for (const host of ["deepseek", "anthropic", "gemini"]) {
  for (const streamed of [false, true]) {
    // The simulator refuses a tool result without the reasoning that led to it.
    test(`reasoning goes back unchanged to ${host}${streamed ? ", streamed" : ""}`, async () => {
      const openrouter = createOpenRouter({ baseURL: gateway.baseUrl, apiKey: gateway.key });
      const request = {
        model: openrouter(`e2e/${host}-reasoning`, { reasoning: { effort: "high" } }),
        tools: {
          get_weather: tool({
            inputSchema: z.object({ city: z.string() }),
            execute: async ({ city }) => `rain in ${city}`,
          }),
        },
        // One turn: simulated thoughts are alike, and the SDK sends alike thoughts once.
        prompt: play("Go.", call("get_weather", { city: "Århus" })),
        maxOutputTokens: 8000,
        stopWhen: stepCountIs(5),
        maxRetries: 0,
      };
      const answer = streamed ? streamText(request) : await generateText(request);
      assert.ok((await answer.text).includes("rain in Århus"));
      const steps = await answer.steps;
      assert.equal(steps.length, 2);
      for (const step of steps) assert.ok(step.reasoningText.length > 0);
    });
  }
}
