import { expect, test } from 'vitest';
import { settle } from './browser';
import { post } from './gateway';
import { house, signedIn } from './house';

const there = house();

/** From a telephone to a large screen, with both sides of each change of the layout. */
const WIDTHS = [360, 767, 768, 900, 1024, 1100, 1280, 1440];

test('what a row is of can be read at every width', async () => {
  const { page, finish } = await signedIn(there);
  for (const path of ['/models', '/logs']) {
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 860 });
      await page.goto(there.gateway.url + path);
      await settle(page);
      const box = await page.getByRole('columnheader', { name: 'Model', exact: true }).boundingBox();
      expect(box?.width, `the models of ${path} at ${width}`).toBeGreaterThanOrEqual(120);
    }
  }
  await finish();
});

test('no table has anything beyond its edge, and no figure is cut', async () => {
  const { gateway } = there;
  const limit = { name: 'Assistant of the customers', limit: 1234.5, limit_reset: 'monthly' };
  await post(gateway, 'api/v1/keys', limit, gateway.session);
  const { page, finish } = await signedIn(there);
  const dear = ['0.000123456789', '0.000000123456'];
  await page.route('**/api/v1/models?output_modalities=all', async route => {
    const answer = await route.fetch();
    const { data } = (await answer.json()) as { data: { pricing: Record<string, string> }[] };
    const priced = data.map(model => ({ ...model, pricing: { prompt: dear[0], completion: dear[1] } }));
    await route.fulfill({ json: { data: priced } });
  });
  await page.route('**/api/internal/generations?*', async route => {
    const answer = await route.fetch();
    const told = (await answer.json()) as { data: Record<string, unknown>[] };
    const data = told.data.map((row, at) => ({ ...row, cost: at % 2 ? '0.000000009' : '123.456789012' }));
    await route.fulfill({ json: { ...told, data } });
  });
  for (const path of ['keys', 'members', 'status', 'audit', 'models', 'logs', 'models/simulated/chat:free']) {
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 860 });
      await page.goto(`${gateway.url}/${path}`);
      await settle(page);
      if (width === 1440 && (path === 'models' || path === 'logs'))
        await page.getByText('$123.456789').first().waitFor();
      const beyond = () =>
        page.evaluate(() =>
          [...document.querySelectorAll('section[aria-label$=", table"]')].flatMap(table => [
            ...(table.scrollWidth > table.clientWidth + 1 ? ['the table'] : []),
            ...[...table.querySelectorAll('td.num')]
              .filter(cell => cell.scrollWidth > cell.clientWidth + 1)
              .map(cell => cell.textContent),
          ]),
        );
      await expect.poll(beyond, { message: `${path} at ${width}` }).toEqual([]);
    }
  }
  await finish();
}, 120_000);

test('a name of any length leaves room for what stands beside it', async () => {
  const { gateway } = there;
  const name = 'longest'.repeat(36);
  await post(gateway, 'api/v1/keys', { name }, gateway.session);
  const { page, finish } = await signedIn(there);
  await page.setViewportSize({ width: 1280, height: 860 });
  await page.goto(`${gateway.url}/keys`);
  await settle(page);
  const actions = await page.getByRole('columnheader', { name: 'Actions' }).boundingBox();
  expect((actions?.x ?? 9999) + (actions?.width ?? 0)).toBeLessThanOrEqual(1280);
  const dialog = page.getByRole('dialog');
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 860 });
    for (const act of ['Edit', 'Rotate', 'Delete']) {
      await page.getByRole('button', { name: `${act} ${name}` }).click();
      expect(
        await dialog.evaluate(one => one.scrollWidth - one.clientWidth),
        `${act} at ${width}`,
      ).toBeLessThanOrEqual(0);
      await page.keyboard.press('Escape');
      await expect.poll(() => dialog.count()).toBe(0);
    }
    await page.goto(`${gateway.url}/logs`);
    await settle(page);
    const select = await page.getByLabel('Key', { exact: true }).boundingBox();
    expect(select?.width, `the keys at ${width}`).toBeLessThanOrEqual(160);
    await page.goto(`${gateway.url}/keys`);
    await settle(page);
  }
  await finish();
});

test('on a telephone nothing that is needed stands beyond the edge', async () => {
  const { gateway } = there;
  const limit = { limit_usd: 12_345.678901234 };
  const put = await fetch(`${gateway.url}/api/v1/workspaces/default/budgets/monthly`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${gateway.managementKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(limit),
  });
  expect(put.status).toBeLessThan(300);
  const { page, finish } = await signedIn(there);
  await page.setViewportSize({ width: 360, height: 780 });
  for (const [path, needed] of [
    ['workspaces/default', page.getByRole('button', { name: 'Change the monthly budget' })],
    ['rankings', page.getByRole('columnheader', { name: 'Tokens' })],
    ['status?window=90d', page.getByRole('columnheader', { name: 'Good' })],
  ] as const) {
    await page.goto(`${gateway.url}/${path}`);
    await settle(page);
    const box = await needed.boundingBox();
    expect((box?.x ?? 999) + (box?.width ?? 0), path).toBeLessThanOrEqual(360);
    expect(
      await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
      path,
    ).toBeLessThanOrEqual(0);
  }
  await page
    .getByRole('button', { name: /^Simulated/ })
    .first()
    .click();
  const dialog = page.getByRole('dialog');
  expect(await dialog.evaluate(one => one.scrollWidth - one.clientWidth)).toBeLessThanOrEqual(0);
  await page.keyboard.press('Escape');
  const menu = page.getByRole('button', { name: 'Menu' });
  await menu.click();
  await page.getByRole('navigation', { name: 'Main' }).waitFor();
  await page.keyboard.press('Escape');
  await expect.poll(() => page.getByRole('navigation', { name: 'Main' }).count()).toBe(0);
  expect(await menu.evaluate(one => one === document.activeElement)).toBe(true);
  await finish();
});
