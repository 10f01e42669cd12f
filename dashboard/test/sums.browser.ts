import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QueryClient } from '@tanstack/react-query';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { nano, sum } from '../src/lib/money';
import { BINARY, freePort, type Gateway, startGateway } from './gateway';

/** No sum of these is a round one. */
const PRICES = { prompt: '0.123457', completion: '7.654321' };
const MODEL = 'odd/prices';
const SEEDED = 400;
const ASKED = 36;

let gateway: Gateway;
let simulator: ChildProcess;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trunkline-sums-'));
  const port = await freePort();
  simulator = spawn(BINARY, ['sim', '--listen', `127.0.0.1:${port}`], { stdio: 'ignore' });
  const catalogue = join(folder, 'odd.toml');
  writeFileSync(
    catalogue,
    `[[providers]]
slug = "odd"
base_url = "http://127.0.0.1:${port}/openai/v1"
environment_variables = ["ODD_API_KEY"]
[[models]]
id = "${MODEL}"
[[endpoints]]
model = "${MODEL}"
provider = "odd"
upstream_model = "sim-chat"
context_length = 128000
price_per_million = { prompt = "${PRICES.prompt}", completion = "${PRICES.completion}" }
`,
  );
  vi.stubEnv('ODD_API_KEY', 'any');
  gateway = await startGateway({
    before: [
      // GET /activity tells of days that are over: those have rows too.
      ['sim', 'seed', '--generations', String(SEEDED), '--keys', '60', '--models', '5', '--days', '20'],
      ['provider', 'add', catalogue],
    ],
  });
  for (let at = 0; at < ASKED; at++) {
    const response = await fetch(`${gateway.url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'odd '.repeat(at + 1) }] }),
    });
    expect(response.status, await response.text()).toBe(200);
  }
  // The pages' own queries, as a program: a management key in place of the cookie.
  const plain = globalThis.Request;
  vi.stubGlobal('document', { baseURI: `${gateway.url}/` });
  vi.stubGlobal(
    'Request',
    class extends plain {
      constructor(input: Request | string, init?: RequestInit) {
        super(typeof input === 'string' ? new URL(input, gateway.url) : input, init);
        this.headers.set('authorization', `Bearer ${gateway.managementKey}`);
      }
    },
  );
});
afterAll(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
  gateway?.stop();
  simulator?.kill();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

test('overview, activity, logs, keys, credits and GET /activity tell the same sums, to the last digit', async () => {
  const { analyticsQuery, bucketOf, money, SPEND, seriesQuery } = await import('../src/api/analytics');
  const { generationsPage } = await import('../src/api/generations');
  const { creditsQuery, keysQuery } = await import('../src/api/queries');
  const { read } = await import('../src/api/client');
  const client = new QueryClient();
  const usage = { metrics: ['total_usage'], range: '30d' as const };
  const books = async (more: object) => (await client.fetchQuery(analyticsQuery({ ...usage, ...more }))).rows;
  const total = (rows: Awaited<ReturnType<typeof books>>) => sum(rows.map(row => money(row, 'total_usage')));

  const all = async () => {
    const rows = [];
    for (let cursor: string | null = null, more = true; more; more = cursor !== null) {
      const page = await generationsPage({}, cursor);
      rows.push(...page.rows);
      cursor = page.next;
    }
    return rows;
  };
  // The last of them may be settled a moment after its answer.
  await expect.poll(async () => (await all()).length, { timeout: 10_000 }).toBe(SEEDED + ASKED);
  const logs = await all();
  const asked = logs.filter(row => row.model === MODEL);
  expect(asked.filter(row => row.cost > 0n)).toHaveLength(ASKED);
  const spent = sum(logs.map(row => row.cost));
  // That it has digits to lose.
  expect(spent % 1000n).not.toBe(0n);

  const overview = await books({});
  expect(total(overview), 'overview').toBe(spent);
  for (const by of ['model', 'provider', 'api_key']) {
    expect(total(await books({ dimensions: [by] })), `activity by ${by}`).toBe(spent);
    const series = await client.fetchQuery(seriesQuery({ metric: SPEND, by, range: '30d' }));
    expect(total(series.whole.rows), `groups by ${by}`).toBe(spent);
    expect(total(series.rows), `bars by ${by}`).toBe(spent);
  }
  const keys = (await client.fetchInfiniteQuery(keysQuery({}))).pages.flatMap(page => page.keys);
  expect(sum(keys.map(key => nano(key.usage))), 'keys').toBe(spent);
  for (const key of keys) {
    const own = sum(logs.filter(row => row.keyHash === key.hash).map(row => row.cost));
    expect(nano(key.usage), `key ${key.name}`).toBe(own);
  }
  expect(nano((await client.fetchQuery(creditsQuery)).total_usage), 'credits').toBe(spent);

  const today = new Date().toISOString().slice(0, 10);
  const { data } = await read<{ data: { usage: number | string }[] }>('api/v1/activity');
  const over = sum(data.map(row => nano(row.usage)));
  expect(over).toBeGreaterThan(0n);
  expect(over, 'GET /activity').toBe(
    sum(logs.filter(row => row.createdAt.slice(0, 10) < today).map(row => row.cost)),
  );
  const days = await books({ overTime: true });
  expect(over, 'days that are over').toBe(
    total(days.filter(row => bucketOf(row, '30d') < Date.parse(today))),
  );
});
