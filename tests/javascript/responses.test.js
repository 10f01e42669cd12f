// OpenAI's and OpenRouter's SDKs over the Responses API, over each protocol.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { OpenRouter } from "@openrouter/sdk";
import OpenAI from "openai";

import {
  also, call, ECHO, forget, hungUp, LONG, MODELS, PIXEL, play, QUESTION,
} from "./conversation.js";
import { startGateway } from "./gateway.js";

const WEATHER = {
  type: "function",
  name: "get_weather",
  description: "The weather in a city.",
  strict: false,
  parameters: {
    type: "object",
    properties: { city: { type: "string" }, days: { type: "integer" } },
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

for (const [dialect, model] of MODELS) {
  describe(`openai's responses over ${dialect}`, () => {
    const responses = (apiKey = gateway.key) =>
      new OpenAI({ baseURL: gateway.baseUrl, apiKey, maxRetries: 0, timeout: 30_000 }).responses;

    test("an answer and a stream say the same", async () => {
      const whole = await responses().create({ model, input: QUESTION });
      assert.ok(whole.output_text.includes(ECHO));
      assert.equal(whole.status, "completed");
      const pieces = [];
      const stream = responses()
        .stream({ model, input: QUESTION })
        .on("response.output_text.delta", ({ delta }) => pieces.push(delta));
      const last = await stream.finalResponse();
      assert.ok(pieces.length > 1);
      assert.equal(pieces.join(""), whole.output_text);
      assert.equal(last.output_text, whole.output_text);
      assert.ok(last.usage.output_tokens > 0);
      assert.equal(last.usage.output_tokens, whole.usage.output_tokens);
    });

    for (const streamed of [false, true]) {
      test(`tools are called in a loop${streamed ? ", streamed" : ""}`, async () => {
        const said = play(
          "Go.",
          call("get_weather", { city: "Oslo", days: 3 }),
          call("get_weather", { city: "Århus", days: 1 }),
          also("get_weather", { city: "東京", days: 2 }),
        );
        const input = [{ role: "user", content: said }];
        const called = [];
        let answer;
        for (let turn = 0; turn < 5; turn += 1) {
          const ask = { model, input, tools: [WEATHER], store: false };
          answer = streamed
            ? await responses().stream(ask).finalResponse()
            : await responses().create(ask);
          const calls = answer.output.filter((item) => item.type === "function_call");
          if (calls.length === 0) break;
          const given = calls.map((item) => JSON.parse(item.arguments));
          called.push(given.map(({ city, days }) => [city, days]));
          input.push(...answer.output.map(({ parsed_arguments, ...item }) => item));
          input.push(...calls.map(({ call_id }, place) => ({
            type: "function_call_output", call_id,
            output: `${given[place].days} days of rain in ${given[place].city}`,
          })));
        }
        assert.deepEqual(called, [[["Oslo", 3]], [["Århus", 1], ["東京", 2]]]);
        assert.ok(answer.output_text.includes("1 days of rain in Århus"));
        assert.ok(answer.output_text.includes("2 days of rain in 東京"));
      });
    }

    test("an image is seen", async () => {
      const content = [
        { type: "input_text", text: "What is this?" },
        { type: "input_image", image_url: `data:image/png;base64,${PIXEL}`, detail: "auto" },
      ];
      const answer = await responses().create({ model, input: [{ role: "user", content }] });
      assert.match(answer.output_text, /I see 1 image\./);
    });

    test("failures have the error of their kind", async () => {
      const limited = responses().create({ model: `${model}-limited`, input: QUESTION });
      await assert.rejects(limited, OpenAI.RateLimitError);
      const stranger = responses("wrong").create({ model, input: QUESTION });
      await assert.rejects(stranger, OpenAI.AuthenticationError);
    });

    test("a caller who leaves stops the provider", async () => {
      await forget(gateway);
      const stream = await responses().create({
        model: `${model}-drip`, input: LONG, stream: true,
      });
      for await (const event of stream) {
        if (event.type === "response.output_text.delta") break;
      }
      await hungUp(gateway);
    });
  });

  describe(`@openrouter/sdk's responses over ${dialect}`, () => {
    const send = (responsesRequest) =>
      new OpenRouter({
        serverURL: gateway.baseUrl, apiKey: gateway.key, retryConfig: { strategy: "none" },
        timeoutMs: 30_000,
      }).responses.send({ responsesRequest });

    const textOf = ({ output }) =>
      output
        .filter((item) => item.type === "message")
        .flatMap((item) => item.content.map((part) => part.text))
        .join("");

    test("an answer and a stream say the same", async () => {
      const whole = await send({ model, input: QUESTION });
      assert.ok(textOf(whole).includes(ECHO));
      assert.ok(whole.usage.cost > 0);
      const events = [];
      for await (const event of await send({ model, input: QUESTION, stream: true })) {
        events.push(event);
      }
      const pieces = events
        .filter((event) => event.type === "response.output_text.delta")
        .map((event) => event.delta);
      assert.ok(pieces.length > 1);
      assert.equal(pieces.join(""), textOf(whole));
      assert.equal(events.at(-1).type, "response.completed");
      assert.equal(textOf(events.at(-1).response), textOf(whole));
    });

    test("tools are called", async () => {
      const request = {
        model,
        input: play("Go.", call("get_weather", { city: "Århus", days: 1 })),
        tools: [WEATHER],
      };
      const { output } = await send(request);
      const [asked] = output.filter((item) => item.type === "function_call");
      assert.deepEqual(JSON.parse(asked.arguments), { city: "Århus", days: 1 });
    });
  });
}
