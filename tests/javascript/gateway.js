// Starts the real binary: simulated providers, and a gateway in front of them.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const FIXTURES = join(ROOT, "tests/fixtures");
const PATIENCE = 60_000;

/** Prints the providers, models and prices of the tests. */
export const BUILDER = join(FIXTURES, "build_providers.py");

// A clean environment: nobody's provider keys, proxies or settings, but for the token that a
// simulated provider asks for.
const ENVIRONMENT = { PATH: process.env.PATH ?? "", E2E_BEDROCK_TOKEN: "simulated" };

/** The binary under test: TRUNKLINE_BIN, or what cargo built last. */
function binary() {
  const named = process.env.TRUNKLINE_BIN ?? "target/debug/trunkline";
  const path = isAbsolute(named) ? named : join(ROOT, named);
  if (!existsSync(path)) {
    throw new Error(`no binary at ${path}: run \`make build\`, or set TRUNKLINE_BIN`);
  }
  return path;
}

/** A child whose output is read to the line that is waited for. */
class Child {
  constructor(args) {
    this.seen = [];
    this.waiting = [];
    this.process = spawn(binary(), args, { env: ENVIRONMENT });
    this.ended = new Promise((done) => this.process.once("exit", (code) => done(code)));
    createInterface({ input: this.process.stdout }).on("line", (line) => {
      this.seen.push(line);
      this.waiting = this.waiting.filter((look) => !look(line));
    });
    this.process.stderr.on("data", (data) => this.seen.push(`${data}`));
  }

  /** The match of a line that was or will be printed. */
  waitFor(pattern) {
    return new Promise((found, fail) => {
      const timer = setTimeout(
        () => fail(new Error(`no ${pattern} in:\n${this.seen.join("\n")}`)),
        PATIENCE,
      );
      const look = (line) => {
        const match = line.match(pattern);
        if (match) {
          clearTimeout(timer);
          found(match);
        }
        return Boolean(match);
      };
      this.process.once("exit", () => {
        clearTimeout(timer);
        fail(new Error(`ended before ${pattern}:\n${this.seen.join("\n")}`));
      });
      if (!this.seen.some(look)) this.waiting.push(look);
    });
  }

  /** Asks to stop, as an operator would; tells the exit status. */
  stop() {
    this.process.kill("SIGTERM");
    return this.ended;
  }
}

/**
 * A running gateway: `baseUrl`, `url`, `key`, `simulatorUrl`, `run()`, `managementKey()`, `close()`.
 * `settings` are flags for it; where it listens, for example, unless it may be anywhere.
 */
export async function startGateway(settings = ["--listen", "127.0.0.1:0"]) {
  const folder = mkdtempSync(join(tmpdir(), "trunkline-"));
  const script = join(FIXTURES, "script.toml");
  const simulator = new Child(["sim", "--listen", "127.0.0.1:0", "--script", script]);
  const [, address] = await simulator.waitFor(/listening on ([0-9.]+:[0-9]+)/);
  const python = process.env.PYTHON ?? "python3";
  const document = join(folder, "providers.json");
  writeFileSync(document, execFileSync(python, ["-B", BUILDER, `http://${address}`]));
  const common = ["--data-folder", join(folder, "data"), "--log", "warn"];
  execFileSync(binary(), [...common, "provider", "add", document], { env: ENVIRONMENT });
  const gateway = new Child([
    ...common, "serve", ...settings, "--metrics-listen", "off",
    "--simulated", "on", "--drain-timeout", "5s",
  ]);
  const [, url] = await gateway.waitFor(/listening on (http\S+)/);
  const [, key] = await gateway.waitFor(/(sk-or-v1-[0-9a-f]+)/);
  return {
    url,
    key,
    simulatorUrl: `http://${address}`,
    baseUrl: `${url}/api/v1`,
    /** Runs a command beside it, as an operator would; tells what it printed. */
    run: (...args) => execFileSync(binary(), [...common, ...args], { env: ENVIRONMENT }).toString(),
    /** A key for the management API, made as an operator makes it and in force. */
    async managementKey() {
      const create = ["key", "create", "--name", "manager", "--management", "--json"];
      const made = JSON.parse(execFileSync(binary(), [...common, ...create], { env: ENVIRONMENT }));
      const headers = { authorization: `Bearer ${made.key}` };
      // The gateway notices what a command has changed within a second.
      for (const end = Date.now() + PATIENCE; Date.now() < end; ) {
        if ((await fetch(`${url}/api/v1/key`, { headers })).ok) return made.key;
        await new Promise((done) => setTimeout(done, 50));
      }
      throw new Error("the management key is not in force");
    },
    async close() {
      const status = await gateway.stop();
      await simulator.stop();
      rmSync(folder, { recursive: true, force: true });
      return status;
    },
  };
}
