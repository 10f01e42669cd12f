import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The real binary, with a data folder of its own. */
export type Gateway = { url: string; managementKey: string; apiKey: string; stop: () => void };

const BINARY = process.env.TRUNKLINE_BIN ?? new URL('../../target/debug/trunkline', import.meta.url).pathname;

const freePort = () =>
  new Promise<number>(done => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address ? address.port : 0));
    });
  });

export async function startGateway(): Promise<Gateway> {
  if (!existsSync(BINARY))
    throw new Error(`There is no gateway at ${BINARY}: build it, or say where it is in TRUNKLINE_BIN`);
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-dashboard-'));
  const port = await freePort();
  const env = {
    ...process.env,
    TRUNKLINE_DATA: folder,
    TRUNKLINE_LISTEN: `127.0.0.1:${port}`,
    TRUNKLINE_METRICS_LISTEN: 'off',
    TRUNKLINE_SIMULATED: 'on',
  };
  const child: ChildProcess = spawn(BINARY, ['serve'], { env, stdio: 'ignore' });
  const stop = () => {
    child.kill();
    child.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  };
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    const ready = await fetch(`${url}/readyz`).then(
      response => response.ok,
      () => false,
    );
    if (ready) break;
    if (tries > 300 || child.exitCode !== null) {
      stop();
      throw new Error('The gateway does not start');
    }
    await new Promise(done => setTimeout(done, 100));
  }
  const make = (...flags: string[]): string =>
    JSON.parse(execFileSync(BINARY, ['key', 'create', '--json', ...flags], { env, encoding: 'utf8' })).key;
  const managementKey = make('--name', 'console', '--management');
  const apiKey = make('--name', 'traffic');
  // A key that was just made is in force within a second.
  for (let tries = 0; tries < 50; tries++) {
    const known = await fetch(`${url}/api/v1/key`, { headers: { authorization: `Bearer ${apiKey}` } });
    if (known.ok) break;
    await new Promise(done => setTimeout(done, 100));
  }
  return { url, managementKey, apiKey, stop };
}

/** Some requests, so that pages have something to show. */
export async function makeTraffic(gateway: Gateway, requests = 12) {
  const models = ['simulated/chat:free', 'simulated/flaky:free', 'simulated/openai:free'];
  for (let at = 0; at < requests; at++) {
    await fetch(`${gateway.url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: models[at % models.length],
        messages: [{ role: 'user', content: `Hello, number ${at}` }],
        session_id: at % 4 === 0 ? 'conversation-1' : undefined,
      }),
    }).then(response => response.text());
  }
}
