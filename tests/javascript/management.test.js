// OpenRouter's SDK for JavaScript as those use it who manage keys, credit and workspaces.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { OpenRouter } from "@openrouter/sdk";

import { startGateway } from "./gateway.js";

let gateway;
let manager;
before(async () => {
  gateway = await startGateway();
  const apiKey = await gateway.managementKey();
  manager = new OpenRouter({ serverURL: gateway.baseUrl, apiKey, retryConfig: { strategy: "none" } });
});
after(async () => {
  assert.equal(await gateway.close(), 0);
});

/** Asks a model with a key; tells the status. */
async function ask(key) {
  const answer = await fetch(`${gateway.baseUrl}/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "e2e/openai", messages: [{ role: "user", content: "Hello" }] }),
  });
  await answer.text();
  return answer.status;
}

const refused = (status, text) => (error) => {
  assert.equal(error.statusCode, status, String(error));
  assert.match(`${error.message} ${error.body}`, text);
  return true;
};

describe("management with @openrouter/sdk", () => {
  test("keys are made, used, changed and deleted", async () => {
    const { data, key } = await manager.apiKeys.create({
      requestBody: { name: "ci", limit: 2.5, limitReset: "weekly" },
    });
    assert.equal(data.hash, createHash("sha256").update(key).digest("hex"));
    assert.equal(await ask(key), 200);
    const shown = await manager.apiKeys.get({ hash: data.hash });
    assert.ok(shown.data.usage > 0 && shown.data.limitRemaining < 2.5);
    const listed = await manager.apiKeys.list();
    assert.ok(listed.data.some((one) => one.hash === data.hash));
    const changed = await manager.apiKeys.update({
      hash: data.hash, requestBody: { limit: null, disabled: true },
    });
    assert.deepEqual([changed.data.limit, changed.data.disabled], [null, true]);
    assert.equal(await ask(key), 401);
    assert.equal((await manager.apiKeys.delete({ hash: data.hash })).deleted, true);
    await assert.rejects(manager.apiKeys.get({ hash: data.hash }), refused(404, /not found/));
    const negative = manager.apiKeys.create({ requestBody: { name: "k", limit: -1 } });
    await assert.rejects(negative, refused(400, /limit: is below zero/));
  });

  test("credit is shown", async () => {
    assert.equal(await ask(gateway.key), 200);
    const { data } = await manager.credits.getCredits();
    assert.equal(data.totalCredits, 0);
    assert.ok(data.totalUsage > 0);
  });

  test("workspaces, budgets and members", async () => {
    const made = await manager.workspaces.create({
      createWorkspaceRequest: { name: "Team", slug: "team" },
    });
    assert.equal(made.data.slug, "team");
    const changed = await manager.workspaces.update({
      id: "team", updateWorkspaceRequest: { name: "New" },
    });
    assert.equal(changed.data.name, "New");
    const set = (interval, limitUsd) => manager.workspaces.setBudget({
      workspaceRef: "team", interval, upsertWorkspaceBudgetRequest: { limitUsd },
    });
    assert.equal((await set("monthly", 100)).data.limitUsd, 100);
    await assert.rejects(set("daily", 100), refused(400, /limit_usd/));
    const budgets = await manager.workspaces.listBudgets({ workspaceRef: "team" });
    assert.deepEqual(budgets.data.map((budget) => budget.resetInterval), ["monthly"]);
    for await (const page of await manager.organization.listMembers()) {
      assert.equal(page.result.totalCount, 0);
    }
    assert.equal((await manager.workspaces.delete({ id: "team" })).deleted, true);
    await assert.rejects(manager.workspaces.delete({ id: "default" }), refused(403, /default/));
  });

  test("activity and analytics", async () => {
    assert.deepEqual((await manager.analytics.getUserActivity()).data, []);
    const meta = await manager.analytics.getAnalyticsMeta();
    assert.ok(meta.data.metrics.some((metric) => metric.name === "request_count"));
    const told = await manager.analytics.queryAnalytics({
      requestBody: { metrics: ["request_count"], granularity: "day" },
    });
    assert.equal(told.data.metadata.rowCount, 1);
  });

  test("an application gets a key", async () => {
    const codeVerifier = "v".repeat(43);
    const codeChallenge = createHash("sha256").update(codeVerifier).digest("base64url");
    const { data } = await manager.oAuth.createAuthCode({
      requestBody: {
        callbackUrl: "https://app.example/back", codeChallenge, codeChallengeMethod: "S256",
      },
    });
    const application = new OpenRouter({ serverURL: gateway.baseUrl });
    const exchange = (verifier) => application.oAuth.exchangeAuthCodeForAPIKey({
      requestBody: { code: data.id, codeVerifier: verifier, codeChallengeMethod: "S256" },
    });
    await assert.rejects(exchange("wrong"), refused(403, /Invalid code or code_verifier/));
    assert.equal(await ask((await exchange(codeVerifier)).key), 200);
    await assert.rejects(exchange(codeVerifier), refused(403, /Invalid code/));
  });

  test("inference keys manage nothing", async () => {
    const sdk = new OpenRouter({
      serverURL: gateway.baseUrl, apiKey: gateway.key, retryConfig: { strategy: "none" },
    });
    await assert.rejects(sdk.credits.getCredits(), refused(403, /Only management keys/));
  });
});
