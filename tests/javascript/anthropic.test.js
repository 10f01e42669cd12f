// Anthropic's SDK, over each protocol.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";

import {
  also, call, ECHO, forget, hungUp, LONG, MODELS, PIXEL, play, QUESTION,
} from "./conversation.js";
import { startGateway } from "./gateway.js";

const WEATHER = {
  name: "get_weather",
  description: "The weather in a city.",
  input_schema: {
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

const user = (content) => ({ role: "user", content });
const textOf = (message) =>
  message.content.filter((block) => block.type === "text").map((block) => block.text).join("");

for (const [dialect, model] of MODELS) {
  describe(`@anthropic-ai/sdk over ${dialect}`, () => {
    const client = (authToken = gateway.key) =>
      new Anthropic({
        baseURL: `${gateway.url}/api`, authToken, apiKey: null, maxRetries: 0, timeout: 30_000,
      });
    const request = { model, max_tokens: 1000, messages: [user(QUESTION)] };

    test("an answer and a stream say the same", async () => {
      const whole = await client().messages.create(request);
      assert.ok(textOf(whole).includes(ECHO));
      assert.equal(whole.stop_reason, "end_turn");
      const pieces = [];
      const stream = client().messages.stream(request).on("text", (text) => pieces.push(text));
      const last = await stream.finalMessage();
      assert.ok(pieces.length > 1);
      assert.equal(pieces.join(""), textOf(whole));
      assert.equal(textOf(last), textOf(whole));
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
        const messages = [user(said)];
        const called = [];
        let answer;
        for (let turn = 0; turn < 5; turn += 1) {
          const ask = { ...request, messages, tools: [WEATHER] };
          answer = streamed
            ? await client().messages.stream(ask).finalMessage()
            : await client().messages.create(ask);
          if (answer.stop_reason !== "tool_use") break;
          const uses = answer.content.filter((block) => block.type === "tool_use");
          called.push(uses.map(({ input }) => [input.city, input.days]));
          messages.push({ role: "assistant", content: answer.content });
          messages.push(user(uses.map(({ id, input }) => ({
            type: "tool_result", tool_use_id: id,
            content: `${input.days} days of rain in ${input.city}`,
          }))));
        }
        assert.deepEqual(called, [[["Oslo", 3]], [["Århus", 1], ["東京", 2]]]);
        assert.ok(textOf(answer).includes("1 days of rain in Århus"));
        assert.ok(textOf(answer).includes("2 days of rain in 東京"));
      });
    }

    test("an image is seen", async () => {
      const source = { type: "base64", media_type: "image/png", data: PIXEL };
      const content = [{ type: "text", text: "What is this?" }, { type: "image", source }];
      const answer = await client().messages.create({ ...request, messages: [user(content)] });
      assert.match(textOf(answer), /I see 1 image\./);
    });

    test("tokens are counted", async () => {
      const { input_tokens: short } = await client().messages.countTokens({
        model, messages: request.messages,
      });
      const { input_tokens: long } = await client().messages.countTokens({
        model, messages: [user(LONG)],
      });
      assert.ok(short > 0 && short < long);
    });

    test("failures have the error of their kind", async () => {
      const limited = client().messages.create({ ...request, model: `${model}-limited` });
      await assert.rejects(limited, Anthropic.RateLimitError);
      const broken = client().messages.stream({ ...request, model: `${model}-errs` });
      await assert.rejects(broken.finalMessage(), Anthropic.APIError);
      await assert.rejects(
        client("wrong").messages.create(request), Anthropic.AuthenticationError,
      );
    });

    test("a caller who leaves stops the provider", async () => {
      await forget(gateway);
      const stream = client().messages.stream({
        ...request, model: `${model}-drip`, messages: [user(LONG)],
      });
      stream.on("text", () => stream.abort());
      await assert.rejects(stream.done(), Anthropic.APIUserAbortError);
      await hungUp(gateway);
    });
  });
}
