import type { Request } from 'playwright-core';
import { expect, test } from 'vitest';
import { open, settle, violations } from './browser';
import { makeTraffic, OWNER, startGateway } from './gateway';
import { house, signedIn } from './house';

/** Every page, and what proves that it is there. */
const PAGES: Record<string, string> = {
  '/': 'Overview',
  '/models': 'Models',
  '/models/simulated/chat:free': 'Chat (free)',
  '/playground': 'Playground',
  '/activity?metric=request_count': 'Activity',
  '/logs': 'Logs',
  '/rankings': 'Rankings',
  '/status': 'Provider status',
  '/keys': 'API keys',
  '/keys?kind=management': 'Management keys',
  '/byok': 'Provider keys',
  '/privacy': 'Privacy',
  '/profile': 'Profile',
  '/workspaces': 'Workspaces',
  '/workspaces/default': 'Default',
  '/members': 'Members',
  '/audit': 'Audit log',
  '/credits': 'Credits',
  '/settings': 'Settings',
};
const CONSENT = `/auth?callback_url=${encodeURIComponent('https://app.example/back')}&code_challenge=${'a'.repeat(43)}&limit=5`;

const there = house();

/** Narrow in one theme is enough: what differs there is where things stand, not how. */
test('every page: there, accessible in both themes, narrow and wide, quiet, nothing from another host', async () => {
  const { page, finish } = await open(there.browser, there.gateway.url, {
    session: there.gateway.session,
    theme: 'light',
  });
  const pages = { ...PAGES, [CONSENT]: 'An application asks for access' };
  for (const [path, heading] of Object.entries(pages)) {
    await page.setViewportSize({ width: 1360, height: 860 });
    await page.goto(there.gateway.url + path);
    await page.getByRole('heading', { level: 1, name: heading }).waitFor();
    await settle(page);
    expect(await page.getByRole('heading', { level: 1 }).count(), `headings of ${path}`).toBe(1);
    expect(await violations(page), `${path} in light`).toEqual([]);
    await page.evaluate(() => {
      document.documentElement.dataset.theme = 'dark';
      dispatchEvent(new Event('themechange'));
    });
    expect(await violations(page), `${path} in dark`).toEqual([]);
    await page.setViewportSize({ width: 390, height: 860 });
    expect(await violations(page), `${path}, narrow`).toEqual([]);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow, `${path} scrolls sideways`).toBeLessThanOrEqual(0);
  }
  await finish();
}, 180_000);

test('without a session every address asks to sign in, and then shows what was asked for', async () => {
  const { page, problems, finish } = await open(there.browser, there.gateway.url);
  await page.goto(`${there.gateway.url}/credits`);
  await page.getByRole('heading', { name: 'Sign in to Trunkline' }).waitFor();
  expect(await violations(page)).toEqual([]);
  // What password managers look for.
  expect(await page.getByLabel('Mail address').getAttribute('autocomplete')).toBe('username');
  expect(await page.getByLabel('Password').getAttribute('autocomplete')).toBe('current-password');
  await page.getByLabel('Mail address').fill(OWNER.email);
  await page.getByLabel('Password').fill('wrong');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  await page.getByLabel('Password').fill(OWNER.password);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Credits' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { level: 1, name: 'Credits' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in to Trunkline' }).waitFor();
  await page.goto(`${there.gateway.url}/login`);
  await page.getByRole('heading', { name: 'Sign in to Trunkline' }).waitFor();
  // The browser itself tells of what was refused.
  problems.splice(0, problems.length, ...problems.filter(one => !one.includes('401')));
  await finish();
});

for (const base of ['/gw', '/team/llm']) {
  test(`the binary serves everything below ${base}, and without it`, async () => {
    const below = await startGateway({ base });
    const { page, finish } = await open(there.browser, below.url, { session: below.session });
    await page.goto(`${below.url}/models/simulated/chat:free`);
    await page.getByRole('heading', { level: 1, name: 'Chat (free)' }).waitFor();
    await page
      .getByRole('region', { name: 'Example in curl' })
      .getByText(`${below.url}/api/v1/chat`)
      .waitFor();
    await page.getByRole('link', { name: 'API keys' }).click();
    await page.getByRole('cell', { name: /^traffic/ }).waitFor();
    expect(page.url()).toBe(`${below.url}/keys`);
    // A proxy that takes the path away: the page still leads below it.
    const bare = await fetch(`${new URL(below.url).origin}/logs`, { headers: { accept: 'text/html' } });
    expect(await bare.text()).toContain(`<base href="${base}/" />`);
    await finish();
    below.stop();
  });
}

test('what is served may do nothing but what it needs, and is kept for as long as it is good', async () => {
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${there.gateway.url}${path}`, { headers: { accept: 'text/html', ...headers } });
  const page = await get('/models/openai/gpt-4.1');
  expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/);
  expect(page.headers.get('cache-control')).toBe('no-cache');
  const tag = page.headers.get('etag') ?? '';
  expect((await get('/logs', { 'if-none-match': tag })).status).toBe(304);
  const script = /assets\/index-[\w-]+\.js/.exec(await page.text())?.[0];
  const asset = await get(`/${script}`);
  expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(asset.headers.get('content-type')).toMatch(/^text\/javascript/);
  expect((await get('/assets/index-gone.js')).status).toBe(404);
  const missing = await get('/api/v1/nothing');
  expect([missing.status, missing.headers.get('content-type')]).toEqual([404, 'application/json']);
});

test('a server without traffic shows how to make some, and the figures when it comes', async () => {
  const fresh = await startGateway();
  const { page, finish } = await open(there.browser, fresh.url, { session: fresh.session });
  for (const [path, title] of [
    ['/logs', 'Waiting for the first request'],
    ['/rankings', 'Rankings start with the first request'],
    ['/activity', 'No traffic in this range'],
    ['/credits', 'No entry yet'],
    ['/', 'Waiting for the first request'],
  ]) {
    await page.goto(fresh.url + path);
    await page.getByRole('heading', { name: title }).waitFor();
    expect(await violations(page), path).toEqual([]);
  }
  await page.getByText(`${fresh.url}/api/v1/chat/completions`).waitFor();
  await makeTraffic(fresh, 3);
  await page.getByRole('link', { name: '3', exact: true }).waitFor({ timeout: 15_000 });
  await finish();
  fresh.stop();
});

test('what a page asks first is asked once, before the page is there', async () => {
  const { page, finish } = await signedIn(there);
  for (const path of ['', 'activity', 'rankings', 'logs?status=failed', 'status']) {
    const asked: string[] = [];
    const note = (request: Request) => {
      const { pathname, search } = new URL(request.url());
      const isOfBooks = /analytics\/query|generations\?|histogram|status\/providers|keys\?/.test(
        pathname + search,
      );
      if (isOfBooks) asked.push(`${pathname}${search} ${request.postData() ?? ''}`);
    };
    page.on('request', note);
    await page.goto(`${there.gateway.url}/${path}`);
    await settle(page);
    page.off('request', note);
    expect(asked.length).toBeGreaterThan(0);
    // New rows are told by a stream, before which the list is read once more.
    const questions = asked.filter(one => !/generations\?.*limit=100/.test(one));
    expect(questions).toEqual([...new Set(questions)]);
  }
  await finish();
});

test('each page says what failed, and what to do', async () => {
  const { page, context } = await open(there.browser, there.gateway.url, { session: there.gateway.session });
  await page.route('**/status/providers**', route =>
    route.fulfill({
      status: 500,
      headers: { 'x-request-id': 'req-77' },
      json: { error: { message: 'Refused' } },
    }),
  );
  await page.goto(`${there.gateway.url}/status`);
  await page.getByRole('alert').getByText('Provider status could not be loaded').waitFor();
  await page.getByText('The server’s log has the cause.').waitFor();
  await page.getByText('req-77').waitFor();
  await page.getByRole('button', { name: 'Try again' }).waitFor();
  expect(await violations(page)).toEqual([]);
  await context.close();
});

test('a page has its heading and its title whether it is there or not', async () => {
  const { page, context } = await signedIn(there);
  for (const [path, asked, heading] of [
    ['models', /api\/v1\/models\?/, 'Models'],
    ['playground', /api\/v1\/models\?/, 'Playground'],
    ['activity', /analytics\/meta/, 'Activity'],
    ['models/simulated/chat:free', /api\/v1\/model\//, 'simulated/chat:free'],
    ['workspaces/default', /api\/v1\/workspaces\?/, 'default'],
  ] as const) {
    let refuse = () => {};
    const held = new Promise<void>(done => {
      refuse = done;
    });
    await page.route(asked, async route => {
      await held;
      await route.fulfill({ status: 400, json: { error: { message: 'Refused' } } });
    });
    await page.goto(`${there.gateway.url}/${path}`);
    await page.getByRole('heading', { level: 1, name: heading }).waitFor();
    refuse();
    await page.getByRole('main').getByRole('alert').first().waitFor();
    await page.getByRole('heading', { level: 1, name: heading }).waitFor();
    expect(await page.title()).toBe(`${heading} · Trunkline`);
    await page.unroute(asked);
  }
  await context.close();
});
