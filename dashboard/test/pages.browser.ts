import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch, open, settle, violations } from './browser';
import { type Gateway, makeTraffic, startGateway } from './gateway';
import { type Site, serve } from './server';

const DIST = new URL('../dist', import.meta.url).pathname;
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
  '/workspaces': 'Workspaces',
  '/workspaces/default': 'Default',
  '/members': 'Members',
  '/audit': 'Audit log',
  '/credits': 'Credits',
  '/settings': 'Settings',
};
const CONSENT = `/auth?callback_url=${encodeURIComponent('https://app.example/back')}&code_challenge=${'a'.repeat(43)}&limit=5`;

let gateway: Gateway;
let browser: Browser;
let site: Site;

beforeAll(async () => {
  gateway = await startGateway();
  [browser] = await Promise.all([launch(), makeTraffic(gateway)]);
  site = await serve(DIST, gateway.url);
});
afterAll(async () => {
  await browser?.close();
  site?.close();
  gateway?.stop();
});

for (const theme of ['light', 'dark'] as const) {
  for (const width of [1360, 390]) {
    test(`every page in ${theme}, ${width} wide: there, accessible, quiet, nothing from another host`, async () => {
      const { page, finish } = await open(browser, site.url, {
        managementKey: gateway.managementKey,
        inferenceKey: gateway.apiKey,
        theme,
        width,
      });
      for (const [path, heading] of Object.entries({
        ...PAGES,
        [CONSENT]: 'An application asks for access',
      })) {
        await page.goto(site.url + path);
        await page.getByRole('heading', { level: 1, name: heading }).waitFor();
        await settle(page);
        expect(await violations(page), `${path} in ${theme}`).toEqual([]);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(overflow, `${path} scrolls sideways`).toBeLessThanOrEqual(0);
        expect(await page.getByRole('heading', { level: 1 }).count(), `headings of ${path}`).toBe(1);
      }
      await finish();
    });
  }
}

test('without a session every address asks to sign in, and then shows what was asked for', async () => {
  const { page, problems, finish } = await open(browser, site.url);
  await page.goto(`${site.url}/credits`);
  await page.getByRole('heading', { name: 'Sign in to Trunkline' }).waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByLabel('Management key').fill('sk-or-v1-wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('The server does not know this key').waitFor();
  await page.getByLabel('Management key').fill(gateway.apiKey);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('needs a management key').waitFor();
  await page.getByLabel('Management key').fill(gateway.managementKey);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { level: 1, name: 'Credits' }).waitFor();
  expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain('sk-or-v1');
  await page.reload();
  await page.getByRole('heading', { level: 1, name: 'Credits' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in to Trunkline' }).waitFor();
  expect(await page.evaluate(() => sessionStorage.getItem('trunkline.management-key'))).toBeNull();
  // The browser itself tells of the refused key.
  problems.splice(0, problems.length, ...problems.filter(one => !one.includes('401')));
  await finish();
});

for (const base of ['/gw/', '/team/llm/']) {
  test(`one build works under ${base}`, async () => {
    const below = await serve(DIST, gateway.url, base);
    const { page, finish } = await open(browser, below.url, { managementKey: gateway.managementKey });
    await page.goto(`${below.url}/models/simulated/chat:free`);
    await page.getByRole('heading', { level: 1, name: 'Chat (free)' }).waitFor();
    await page
      .getByRole('region', { name: 'Example in curl' })
      .getByText(`${below.url}/api/v1/chat`)
      .waitFor();
    await page.getByRole('link', { name: 'API keys' }).click();
    await page.getByRole('cell', { name: /^traffic/ }).waitFor();
    expect(page.url()).toBe(`${below.url}/keys`);
    below.close();
    await finish();
  });
}

test('a server without traffic shows how to make some, and the figures when it comes', async () => {
  const fresh = await startGateway();
  const place = await serve(DIST, fresh.url);
  const { page, finish } = await open(browser, place.url, { managementKey: fresh.managementKey });
  for (const [path, title] of [
    ['/logs', 'Waiting for the first request'],
    ['/rankings', 'Rankings start with the first request'],
    ['/status', 'No provider was asked in this time'],
    ['/activity', 'No traffic in this range'],
    ['/credits', 'No entry yet'],
    ['/members', 'Nobody but the owner'],
    ['/', 'Waiting for the first request'],
  ]) {
    await page.goto(place.url + path);
    await page.getByRole('heading', { name: title }).waitFor();
    expect(await violations(page), path).toEqual([]);
  }
  await page.getByText(`${place.url}/api/v1/chat/completions`).waitFor();
  await makeTraffic(fresh, 3);
  await page.getByRole('link', { name: '3', exact: true }).waitFor({ timeout: 15_000 });
  place.close();
  await finish();
  fresh.stop();
});

test('each page says what failed, and what to do', async () => {
  const failing = await serve(DIST, gateway.url, '/', path =>
    path.includes('analytics/query') ? 500 : undefined,
  );
  const { page, context } = await open(browser, failing.url, { managementKey: gateway.managementKey });
  await page.goto(`${failing.url}/status`);
  await page.getByRole('alert').getByText('Provider status could not be loaded').waitFor();
  await page.getByText('The server’s log has the cause.').waitFor();
  await page.getByRole('button', { name: 'Try again' }).waitFor();
  expect(await violations(page)).toEqual([]);
  failing.close();
  await context.close();
});

test('the document that the types are made of is that of this server', async () => {
  const served = await (await fetch(`${gateway.url}/openapi.json`)).json();
  const kept = JSON.parse(readFileSync(new URL('../openapi.json', import.meta.url), 'utf8'));
  // Otherwise: npm run openapi && npm run types
  expect(served).toEqual(kept);
});
