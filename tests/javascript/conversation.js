// What tests say to simulated models, and which models there are.
//
// A play leads a simulated model through work; `crates/testkit/src/play.rs` says how.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";

import { BUILDER } from "./gateway.js";

export const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgAAIAAAUAAeImKZYAAAAASUVORK5CYII=";

/** What is asked for in plain answers and streams, and what the answer has to hold. */
export const QUESTION = "one two three four five six seven eight";
export const ECHO = `You said: ${QUESTION}`;

/** A question long enough for its answer to be left in the middle. */
export const LONG = Array.from({ length: 400 }, (_, number) => `word${number}`).join(" ");

/** The model calls a tool; the model calls another one in the same turn. */
export const call = (name, input) => `sim-call: ${name} ${JSON.stringify(input)}`;
export const also = (name, input) => `sim-also: ${name} ${JSON.stringify(input)}`;

/** A message of the user that leads the model through steps. */
export const play = (opening, ...steps) => [opening, ...steps].join("\n");

/** One model for each protocol between the gateway and a provider: `[dialect, model]`. */
export const MODELS = (() => {
  const python = process.env.PYTHON ?? "python3";
  const { providers } = JSON.parse(execFileSync(python, ["-B", BUILDER, "http://nowhere"]));
  const first = new Map();
  for (const { slug, dialect } of providers) {
    if (!first.has(dialect)) first.set(dialect, slug.replace("e2e-", "e2e/"));
  }
  return [...first];
})();

/** Waits until the provider has seen its caller leave the only call since the list was cleared. */
export async function hungUp(gateway) {
  for (const end = Date.now() + 20_000; ; ) {
    const { calls } = await (await fetch(`${gateway.simulatorUrl}/_sim/calls`)).json();
    assert.equal(calls.length, 1);
    if (calls[0].outcome !== "pending") {
      assert.equal(calls[0].disconnected, true);
      assert.ok(calls[0].chunks_sent > 0 && calls[0].chunks_sent < 400);
      return;
    }
    assert.ok(Date.now() < end, "the provider is still answering");
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Forgets what the providers were asked for. */
export async function forget(gateway) {
  await fetch(`${gateway.simulatorUrl}/_sim/calls`, { method: "DELETE" });
}
