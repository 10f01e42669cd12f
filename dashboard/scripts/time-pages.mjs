// How long each page takes until it can be used, and the filter of models for each key that is typed:
//   TRUNKLINE_URL=… EMAIL=… PASSWORD=… node scripts/time-pages.mjs [page …]
// Against a gateway with many rows (docs/cli.md, `trunkline sim seed`). Each page is opened in a
// browser that has nothing of it yet, TIMES times (3); what is told is the middle one and the slowest,
// from the address to the moment when no panel loads any more. A page that is not there after a minute
// is told as such.
import { chromium } from 'playwright-core';

const { EMAIL, PASSWORD } = process.env;
const TIMES = Number(process.env.TIMES ?? 3);
const SITE = (process.env.TRUNKLINE_URL ?? 'http://127.0.0.1:8080').replace(/\/$/, '');
const PAGES = {
  Overview: '/',
  Models: '/models',
  Playground: '/playground',
  Activity: '/activity',
  Logs: '/logs',
  Rankings: '/rankings',
  'Provider status': '/status',
  'API keys': '/keys',
  'Provider keys': '/byok',
  Workspaces: '/workspaces',
  Members: '/members',
  Privacy: '/privacy',
  'Audit log': '/audit',
  Credits: '/credits',
  Settings: '/settings',
  Profile: '/profile',
  // What is dearest to ask for.
  Model: '/models/anthropic/claude-sonnet-4.5',
  'Activity, 90 days by key': '/activity?by=api_key&range=90d',
  'Activity, 24 hours by provider': '/activity?by=provider&range=24h',
  'Activity, one model': '/activity?by=provider&where=%5B%22model%3Aopenai%2Fgpt-5%22%5D',
  'Logs, failed': '/logs?status=failed',
  'Rankings, 90 days of keys': '/rankings?by=api_key&range=90d',
  'Provider status, 90 days': '/status?window=90d',
  'API keys, most spent first': '/keys?order=spend',
};
const TYPED = 'claude-sonnet';

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
const first = await browser.newContext({ viewport: { width: 1360, height: 860 } });
const signedIn = await first.request.post(`${SITE}/api/internal/login`, {
  headers: { 'x-trunkline-request': '1' },
  data: { email: EMAIL, password: PASSWORD },
});
if (!signedIn.ok()) throw new Error(`Signing in: ${signedIn.status()} ${await signedIn.text()}`);
const storageState = await first.storageState();

/** There is a heading, nothing loads any more, and what was loaded is drawn. */
const isUsable = () => {
  const loading = [...document.querySelectorAll('[role=status]')].some(one =>
    /^Loading/.test(one.getAttribute('aria-label') ?? one.textContent ?? ''),
  );
  return document.querySelector('h1') !== null && !loading;
};
async function open(path) {
  const context = await browser.newContext({ storageState, viewport: { width: 1360, height: 860 } });
  const page = await context.newPage();
  const began = performance.now();
  await page.goto(SITE + path, { waitUntil: 'commit' });
  await page.waitForFunction(isUsable, undefined, { polling: 'raf', timeout: 60_000 });
  await page.evaluate(() => new Promise(done => requestAnimationFrame(() => setTimeout(done))));
  return { context, page, took: performance.now() - began };
}

const middle = figures => [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)];
const line = (name, figures) =>
  console.log(`| ${name} | ${Math.round(middle(figures))} | ${Math.round(Math.max(...figures))} |`);

console.log('| | ms, middle | ms, slowest |\n|---|---|---|');
const wanted = process.argv.slice(2);
for (const [name, path] of Object.entries(PAGES)) {
  if (wanted.length && !wanted.includes(name)) continue;
  const figures = [];
  try {
    for (let time = 0; time < TIMES; time++) {
      const { context, took } = await open(path);
      figures.push(took);
      await context.close();
    }
    line(name, figures);
  } catch (error) {
    console.log(`| ${name} | – | ${String(error.message).split('\n')[0]} |`);
  }
}

/** The answer of `/models` with as many models as MODELS says, made of those that are there. */
function multiplied(text) {
  const answer = JSON.parse(text);
  const made = Array.from({ length: Number(process.env.MODELS) }, (_, at) => {
    const model = answer.data[at % answer.data.length];
    const copy = Math.floor(at / answer.data.length);
    return copy ? { ...model, id: `${model.id}-${copy}`, name: `${model.name} ${copy}` } : model;
  });
  return JSON.stringify({ ...answer, data: made });
}

/** What the page's thread did since it was asked last, in ms: scripts, and all with style and layout. */
async function workOf(page) {
  const session = await page.context().newCDPSession(page);
  // Of the thread alone: what else the machine does meanwhile is not in it.
  await session.send('Performance.setTimeDomain', { timeDomain: 'threadTicks' });
  await session.send('Performance.enable');
  let before = { ScriptDuration: 0, TaskDuration: 0 };
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    const now = Object.fromEntries(metrics.map(one => [one.name, one.value]));
    const since = name => (now[name] - before[name]) * 1000;
    const told = { script: since('ScriptDuration'), task: since('TaskDuration') };
    before = now;
    return told;
  };
}

if (wanted.length === 0 || wanted.includes('Models')) {
  const context = await browser.newContext({ storageState, viewport: { width: 1360, height: 860 } });
  const page = await context.newPage();
  if (process.env.MODELS)
    await page.route('**/api/v1/models', async route => {
      const response = await route.fetch();
      await route.fulfill({ response, body: multiplied(await response.text()) });
    });
  await page.goto(`${SITE}/models`);
  await page.waitForFunction(isUsable, undefined, { polling: 'raf', timeout: 60_000 });
  await page.keyboard.press('/');
  const work = await workOf(page);
  // From the key to the frame in which it stands in its field.
  await page.evaluate(() => {
    window.shown = [];
    addEventListener('keydown', event => {
      const before = document.activeElement?.value ?? '';
      const look = () => {
        if (document.activeElement?.value === before) return requestAnimationFrame(look);
        setTimeout(() => window.shown.push(performance.now() - event.timeStamp));
      };
      requestAnimationFrame(look);
    });
  });
  await page.waitForTimeout(1_000);
  await work();
  // As fast as people type, and then until all that was set off is done.
  for (const [at, key] of [...TYPED].entries()) {
    await page.keyboard.press(key);
    await page.waitForFunction(count => window.shown.length > count, at, { timeout: 10_000 });
    await page.waitForTimeout(120);
  }
  await page.waitForTimeout(1_000);
  const { script, task } = await work();
  const shown = await page.evaluate(() => window.shown);
  const left = await page.evaluate(() => document.querySelector('header [role=status]')?.textContent);
  line(`Models (${left}), each of ${shown.length} keys typed in the filter, until it is seen`, shown);
  line('For each key: scripts', [script / shown.length]);
  line('For each key: scripts, style, layout and paint', [task / shown.length]);
}
await browser.close();
