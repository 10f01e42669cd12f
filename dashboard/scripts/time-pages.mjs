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

if (wanted.length === 0 || wanted.includes('Models')) {
  const { page } = await open('/models');
  await page.keyboard.press('/');
  // From the key to the frame in which the address, which the list is drawn from, has what was typed.
  await page.evaluate(() => {
    window.took = [];
    addEventListener('keydown', event => {
      const look = () => {
        const typed = document.activeElement?.value ?? '';
        const asked = new URLSearchParams(location.search).get('q') ?? '';
        if (typed.length <= window.took.length || asked !== typed) return requestAnimationFrame(look);
        setTimeout(() => window.took.push(performance.now() - event.timeStamp));
      };
      requestAnimationFrame(look);
    });
  });
  for (const [at, key] of [...TYPED].entries()) {
    await page.keyboard.press(key);
    await page.waitForFunction(count => window.took.length > count, at, { timeout: 10_000 });
  }
  const figures = await page.evaluate(() => window.took);
  line(`Models, each of ${figures.length} keys typed in the filter`, figures);
}
await browser.close();
