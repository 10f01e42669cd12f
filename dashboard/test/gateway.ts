import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The real binary, with a data folder of its own. */
export type Gateway = {
  /** With the base path, without a slash at its end. */
  url: string;
  /** The owner's session: the value of its cookie. */
  session: string;
  managementKey: string;
  apiKey: string;
  /** Runs a command of the binary on the same data folder. */
  command: (...args: string[]) => string;
  stop: () => void;
};

export const BINARY =
  process.env.TRUNKLINE_BIN ?? new URL('../../target/debug/trunkline', import.meta.url).pathname;
export const OWNER = { email: 'ada@example.org', name: 'Ada King', password: 'correct horse battery' };

export const freePort = () =>
  new Promise<number>(done => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address ? address.port : 0));
    });
  });

/** The code of a set-up link. */
export const codeOf = (link: string) => /#code=([\w-]+)/.exec(link)?.[1] ?? '';

/** A POST of the dashboard, as a session makes it. */
export const post = (gateway: Pick<Gateway, 'url'>, path: string, body: unknown, session?: string) =>
  fetch(`${gateway.url}/${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-trunkline-request': '1',
      ...(session && { cookie: `trunkline_session=${session}` }),
    },
    body: JSON.stringify(body),
  });
export const cookieOf = (response: Response) =>
  /trunkline_session=([^;]+)/.exec(response.headers.get('set-cookie') ?? '')?.[1] ?? '';

type Options = {
  base?: string;
  /** Whether somebody has set it up, and has keys. */
  isSetUp?: boolean;
  /** Commands that are run before it serves. */
  before?: string[][];
};
export async function startGateway({
  base = '',
  isSetUp = true,
  before = [],
}: Options = {}): Promise<Gateway> {
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
    // The providers of tests are on this machine.
    TRUNKLINE_ALLOW_LOCAL_PROVIDERS: 'true',
    TRUNKLINE_BASE_PATH: base,
  };
  const command = (...args: string[]): string => execFileSync(BINARY, args, { env, encoding: 'utf8' });
  for (const args of before) command(...args);
  const child: ChildProcess = spawn(BINARY, ['serve'], { env, stdio: 'ignore' });
  const stop = () => {
    child.kill();
    child.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  };
  const url = `http://127.0.0.1:${port}${base}`;
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
  const gateway: Gateway = { url, session: '', managementKey: '', apiKey: '', command, stop };
  if (!isSetUp) return gateway;
  const made = await post(gateway, 'api/internal/setup', { ...OWNER, code: codeOf(command('setup-link')) });
  if (made.status !== 201) throw new Error(`Setting up was refused: ${await made.text()}`);
  gateway.session = cookieOf(made);
  const key = async (path: string, name: string) => {
    const answer = await post(gateway, path, { name }, gateway.session);
    return ((await answer.json()) as { key: string }).key;
  };
  gateway.managementKey = await key('api/internal/management-keys', 'console');
  gateway.apiKey = await key('api/v1/keys', 'traffic');
  return gateway;
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
