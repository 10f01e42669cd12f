// Signing on at a real OpenID Connect service, with the real binary and a browser's cookies.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";

import { Provider } from "oidc-provider";

import { startGateway } from "./gateway.js";

const SECRET = "a secret of at least some length";

/** The people of the service: whoever signs in there as `name` is `name@example.org`. */
async function findAccount(_, id) {
  const [name, domain = "example.org"] = id.split("@");
  const claims = {
    sub: `subject of ${id}`,
    email: `${name}@${domain}`,
    email_verified: name !== "unverified",
    name: name.toUpperCase(),
  };
  return { accountId: id, claims: async () => claims };
}

/** A port that is free at the moment: the service must know the gateway's address, and the other way. */
async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** A browser: keeps cookies by host and path, and follows no redirect by itself. */
class Browser {
  constructor() {
    this.cookies = new Map();
  }

  async send(url, options = {}) {
    const { host, pathname } = new URL(url);
    const sent = [...this.cookies.values()]
      .filter((cookie) => cookie.host === host && pathname.startsWith(cookie.path))
      .map((cookie) => `${cookie.name}=${cookie.value}`);
    const headers = { ...options.headers, cookie: sent.join("; ") };
    const answer = await fetch(url, { ...options, headers, redirect: "manual" });
    for (const text of answer.headers.getSetCookie()) {
      const [pair, ...attributes] = text.split("; ");
      const at = pair.indexOf("=");
      const path = attributes.find((one) => /^path=/i.test(one))?.slice(5) ?? "/";
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      const key = `${host} ${path} ${name}`;
      const isOver = attributes.some((one) => /^max-age=0$/i.test(one)) || value === "";
      if (isOver) this.cookies.delete(key);
      else this.cookies.set(key, { host, path, name, value });
    }
    return answer;
  }

  /** Follows redirects, and fills in the service's forms as `login`, until a page of `site`. */
  async signOn(start, site, login) {
    let answer = await this.send(start);
    for (let steps = 0; steps < 20; steps += 1) {
      if (answer.status >= 300 && answer.status < 400) {
        const to = new URL(answer.headers.get("location"), answer.url).href;
        if (to.startsWith(site) && !to.includes("/api/internal/")) return to;
        answer = await this.send(to);
        continue;
      }
      const page = await answer.text();
      const [, prompt] = page.match(/name="prompt" value="(\w+)"/) ?? [];
      assert.ok(prompt, `${answer.status}: ${page}`);
      const [, action] = page.match(/<form[^>]*action="([^"]+)"/);
      const form = { prompt };
      if (prompt === "login") Object.assign(form, { login, password: "any" });
      answer = await this.send(new URL(action, answer.url).href, {
        method: "POST",
        body: new URLSearchParams(form),
      });
    }
    throw new Error("the service leads nowhere");
  }
}

/** A service, and a gateway that sends people there. */
async function start(...settings) {
  const [servicePort, gatewayPort] = [await freePort(), await freePort()];
  const issuer = `http://127.0.0.1:${servicePort}`;
  const site = `http://127.0.0.1:${gatewayPort}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "trunkline",
        client_secret: SECRET,
        redirect_uris: [`${site}/api/internal/oidc/callback`],
      },
    ],
    findAccount,
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
  });
  const service = createServer(provider.callback());
  await new Promise((done) => service.listen(servicePort, "127.0.0.1", done));
  const gateway = await startGateway([
    "--listen", `127.0.0.1:${gatewayPort}`, "--public-url", site,
    "--oidc-issuer", issuer, "--oidc-client-id", "trunkline", "--oidc-client-secret", SECRET,
    "--oidc-name", "The service", ...settings,
  ]);
  return {
    gateway,
    site,
    begin: `${site}/api/internal/oidc/begin`,
    async close() {
      await gateway.close();
      service.closeAllConnections();
      await new Promise((done) => service.close(done));
    },
  };
}

describe("members sign on", () => {
  let house;
  before(async () => {
    house = await start();
    // Somebody must be a member before anybody can be known.
    const headers = {
      authorization: `Bearer ${await house.gateway.managementKey()}`,
      "content-type": "application/json",
    };
    const body = JSON.stringify({ email: "ada@example.org", name: "Ada" });
    const path = `${house.gateway.baseUrl}/organization/members`;
    const made = await fetch(path, { method: "POST", headers, body });
    assert.equal(made.status, 201, await made.text());
  });
  after(() => house.close());

  test("the way to the service is told", async () => {
    const told = await (await fetch(`${house.site}/api/internal/sign-in`)).json();
    const oidc = { name: "The service", url: "api/internal/oidc/begin" };
    assert.deepEqual(told, { password: true, oidc });
  });

  test("a member is known by the verified address, and comes back to its page", async () => {
    const browser = new Browser();
    const to = await browser.signOn(
      `${house.begin}?return_to=${encodeURIComponent("/logs?status=failed")}`, house.site, "ada",
    );
    assert.equal(to, `${house.site}/logs?status=failed`);
    const session = await (await browser.send(`${house.site}/api/internal/session`)).json();
    assert.equal(session.member.email, "ada@example.org");
    assert.equal(session.member.role, "owner");
    const needed = await (await fetch(`${house.site}/api/internal/setup`)).json();
    assert.equal(needed.needed, false);
    // The second time by what the service calls the person.
    const again = new Browser();
    assert.equal(await again.signOn(house.begin, house.site, "ada"), `${house.site}/`);
    const names = [...again.cookies.values()].map((cookie) => cookie.name);
    assert.ok(names.includes("trunkline_session") && !names.includes("trunkline_sign_on"));
  });

  test("a stranger, and who has not proved the address, stay outside", async () => {
    for (const [login, error] of [["bo", "not_a_member"], ["unverified", "email_not_allowed"]]) {
      const browser = new Browser();
      const to = await browser.signOn(house.begin, house.site, login);
      assert.equal(to, `${house.site}/login?error=${error}`);
      assert.equal((await browser.send(`${house.site}/api/internal/session`)).status, 401);
    }
  });

  test("an answer that this browser has not asked for is not taken", async () => {
    const browser = new Browser();
    const begun = await browser.send(house.begin);
    const state = new URL(begun.headers.get("location")).searchParams.get("state");
    const callback = `${house.site}/api/internal/oidc/callback`;
    for (const [who, query, error] of [
      [new Browser(), `code=x&state=${state}`, "sign_on_expired"],
      [browser, "code=x&state=other", "sign_on_expired"],
      [browser, "code=x", "sign_on_expired"],
      [browser, `error=access_denied&state=${state}`, "sign_on_denied"],
    ]) {
      const answer = await who.send(`${callback}?${query}`);
      assert.equal(answer.headers.get("location"), `${house.site}/login?error=${error}`, query);
    }
    const other = new Browser();
    const sent = new URL((await other.send(house.begin)).headers.get("location"));
    assert.equal(sent.searchParams.get("code_challenge_method"), "S256");
    const query = `code=made-up&state=${sent.searchParams.get("state")}`;
    const answer = await other.send(`${callback}?${query}`);
    assert.match(answer.headers.get("location"), /error=sign_on_unavailable$/);
  });
});

describe("strangers become members where that is set", () => {
  let house;
  before(async () => {
    house = await start(
      "--oidc-create-members", "true", "--oidc-allowed-domains", "example.org", "--oidc-role", "admin",
    );
  });
  after(() => house.close());

  test("with an address of an allowed domain", async () => {
    const browser = new Browser();
    assert.equal(await browser.signOn(house.begin, house.site, "bo"), `${house.site}/`);
    const session = await (await browser.send(`${house.site}/api/internal/session`)).json();
    const { email, name, role } = session.member;
    assert.deepEqual([email, name, role], ["bo@example.org", "BO", "admin"]);
    assert.match(house.gateway.run("member", "list"), /bo@example\.org +BO +admin/);
    for (const login of ["eve@elsewhere.example", "unverified"]) {
      const to = await new Browser().signOn(house.begin, house.site, login);
      assert.equal(to, `${house.site}/login?error=email_not_allowed`);
    }
  });
});
