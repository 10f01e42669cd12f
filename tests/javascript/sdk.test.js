// Real SDKs for JavaScript against the real binary, over each protocol.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import {
  BrokenStream, collect, plain, PROTOCOLS, Refused, SDKS, streamedCalls, streamedText, textOf,
  usages, user,
} from "./clients.js";
import { startGateway } from "./gateway.js";

const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgAAIAAAUAAeImKZYAAAAASUVORK5CYII=";
const MESSAGES = [user("one two three four five six seven eight")];

const tool = (name) => ({
  type: "function",
  function: {
    name,
    description: `Does ${name}.`,
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
    },
  },
});
const WEATHER = tool("get_weather");
const TIME = tool("get_time");

let gateway;
before(async () => {
  gateway = await startGateway();
});
after(async () => {
  assert.equal(await gateway.close(), 0);
});

/** The record of an answer; where the caller left, it is written a moment later. */
async function generation(id) {
  const end = Date.now() + 20_000;
  for (;;) {
    const answer = await fetch(`${gateway.baseUrl}/generation?id=${id}`, {
      headers: { authorization: `Bearer ${gateway.key}` },
    });
    if (answer.ok) return (await answer.json()).data;
    assert.equal(answer.status, 404);
    assert.ok(Date.now() < end, "no record was written");
    await new Promise((done) => setTimeout(done, 20));
  }
}

for (const Sdk of SDKS) {
  const client = () => new Sdk(gateway.baseUrl, gateway.key);

  describe(Sdk.title, () => {
    test("lists models", async () => {
      const models = await client().models();
      assert.ok(models.includes("e2e/openai") && models.includes("simulated/chat:free"));
    });

    test("an unknown model is a bad request", async () => {
      const asked = client().chat({ model: "nobody/nothing", messages: MESSAGES });
      await assert.rejects(asked, (error) => error instanceof Refused && error.status === 400);
    });

    test("a wrong key is refused", async () => {
      const stranger = new Sdk(gateway.baseUrl, `sk-or-v1-${"0".repeat(64)}`);
      const asked = stranger.chat({ model: "e2e/openai", messages: MESSAGES });
      await assert.rejects(asked, (error) => error instanceof Refused && error.status === 401);
    });

    test("another provider answers instead of one that fails", async () => {
      const answer = await client().chat({
        model: "e2e/failover",
        messages: MESSAGES,
        provider: { order: ["e2e-openai", "e2e-anthropic"] },
      });
      assert.match(textOf(answer), /You said: one two three/);
    });

    for (const protocol of PROTOCOLS) {
      describe(protocol, () => {
        const model = `e2e/${protocol}`;

        test("a plain answer and a stream say and cost the same", async () => {
          const whole = await client().chat({ model, messages: MESSAGES });
          assert.match(textOf(whole), /You said: one two three/);
          assert.match(whole.id, /^gen-/);
          const chunks = await collect(client().stream({ model, messages: MESSAGES }));
          assert.equal(streamedText(chunks), textOf(whole));
          assert.equal(usages(chunks).length, 1);
          assert.equal(usages(chunks)[0].cost, whole.usage.cost);
          assert.ok(whole.usage.cost > 0);
          const row = await generation(chunks[0].id);
          assert.equal(row.total_cost, whole.usage.cost);
          assert.equal(row.streamed, true);
        });

        test("a tool is called and its result is read", async () => {
          const question = user("Call get_weather for Oslo");
          const first = await client().chat({ model, messages: [question], tools: [WEATHER] });
          assert.equal(first.choices[0].finish_reason, "tool_calls");
          const [call] = first.choices[0].message.tool_calls;
          assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)), ["city"]);
          const content = first.choices[0].message.content ?? null;
          const turns = [
            { role: "assistant", content, tool_calls: [plain(call)] },
            { role: "tool", tool_call_id: call.id, content: "12 degrees" },
          ];
          const last = await client().chat({
            model, messages: [question, ...turns], tools: [WEATHER],
          });
          assert.match(textOf(last), /12 degrees/);
        });

        test("parallel calls keep apart in a stream", async () => {
          const messages = [user("Use get_weather and get_time for Oslo")];
          const chunks = await collect(
            client().stream({ model, messages, tools: [WEATHER, TIME] }),
          );
          const calls = streamedCalls(chunks);
          assert.deepEqual(calls.map((call) => call.function.name).sort(), [
            "get_time", "get_weather",
          ]);
          assert.notEqual(calls[0].id, calls[1].id);
          for (const call of calls) {
            assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)), ["city"]);
          }
        });

        test("a structured answer fits its schema", async () => {
          const schema = {
            type: "object",
            properties: { city: { type: "string" }, degrees: { type: "number" } },
            required: ["city", "degrees"],
            additionalProperties: false,
          };
          const answer = await client().chat({
            model,
            messages: [user("Weather in Oslo")],
            response_format: {
              type: "json_schema",
              json_schema: { name: "weather", strict: true, schema },
            },
          });
          const told = JSON.parse(textOf(answer));
          assert.deepEqual(Object.keys(told).sort(), ["city", "degrees"]);
          assert.equal(typeof told.city, "string");
          assert.equal(typeof told.degrees, "number");
        });

        test("an image is seen", async () => {
          const content = [
            { type: "text", text: "What is this?" },
            { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } },
          ];
          const answer = await client().chat({ model, messages: [user(content)] });
          assert.match(textOf(answer), /I see 1 image\./);
        });

        test("failures of the provider have the status that says so", async () => {
          for (const [fault, status] of [["fails", 502], ["limited", 429]]) {
            const request = { model: `${model}-${fault}`, messages: MESSAGES };
            const refused = (error) => error instanceof Refused && error.status === status;
            await assert.rejects(client().chat(request), refused);
            await assert.rejects(collect(client().stream(request)), refused);
          }
        });

        test("a stream that breaks says so after what it said", async () => {
          for (const fault of ["errs", "breaks", "truncates"]) {
            const seen = [];
            await assert.rejects(async () => {
              const request = { model: `${model}-${fault}`, messages: MESSAGES };
              for await (const chunk of client().stream(request)) seen.push(chunk);
            }, BrokenStream);
            assert.notEqual(streamedText(seen), "");
          }
        });

        test("a caller who leaves is booked as cancelled", async () => {
          const words = Array.from({ length: 400 }, (_, number) => `word${number}`).join(" ");
          const seen = [];
          for await (const chunk of client().stream({
            model: `${model}-drip`, messages: [user(words)],
          })) {
            seen.push(chunk);
            if (streamedText(seen).length > 60) break;
          }
          const row = await generation(seen[0].id);
          assert.equal(row.cancelled, true);
          assert.ok(row.total_cost > 0 && row.tokens_completion < 400);
        });
      });
    }

    for (const host of ["deepseek", "anthropic", "gemini"]) {
      test(`reasoning goes back unchanged to ${host}`, async () => {
        const request = {
          model: `e2e/${host}-reasoning`,
          tools: [WEATHER],
          reasoning: { effort: "high" },
          max_tokens: 8000,
        };
        const question = user("Call get_weather for Oslo");
        const first = await client().chat({ messages: [question], ...request });
        const message = first.choices[0].message;
        assert.ok(message.reasoning && message.reasoning_details.length > 0);
        const [call] = message.tool_calls;
        const turns = [
          {
            role: "assistant",
            content: message.content ?? null,
            tool_calls: [plain(call)],
            reasoning_details: message.reasoning_details,
          },
          { role: "tool", tool_call_id: call.id, content: "12 degrees" },
        ];
        const last = await client().chat({ messages: [question, ...turns], ...request });
        assert.match(textOf(last), /12 degrees/);
      });
    }
  });
}
