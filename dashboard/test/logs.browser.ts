import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { settle, violations } from './browser';
import { makeTraffic } from './gateway';
import { house, signedIn } from './house';

const there = house();

const focusOf = (page: Page) =>
  page.evaluate(() => document.activeElement?.closest('tr')?.ariaRowIndex ?? '');
const rowInSight = (page: Page) =>
  page.evaluate(() => {
    const row = document.querySelector('tr[aria-selected="true"]')?.getBoundingClientRect();
    const table = document.querySelector('section[aria-label="Requests, table"]')?.getBoundingClientRect();
    return Boolean(row && table && row.top >= table.top && row.bottom <= table.bottom + 1);
  });

test('a request is opened, left and stepped to by keys alone, at every width', async () => {
  const { page, finish } = await signedIn(there);
  const detail = page.getByRole('complementary', { name: 'Request detail' });
  for (const width of [1360, 800]) {
    await page.setViewportSize({ width, height: 860 });
    await page.goto(`${there.gateway.url}/logs`);
    await settle(page);
    const link = page.getByRole('row').nth(3).getByRole('link').first();
    expect(await link.getAttribute('aria-label')).toMatch(/\d\d:\d\d:\d\d, simulated\/.*, open$/);
    await link.focus();
    await page.keyboard.press('Enter');
    await detail.waitFor();
    await expect.poll(() => detail.evaluate(one => one === document.activeElement)).toBe(true);
    expect(await violations(page), `at ${width}`).toEqual([]);
    await detail.getByRole('button', { name: 'Close detail' }).focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => focusOf(page), { message: `closed at ${width}` }).toBe('4');
    await page.keyboard.press('Enter');
    await detail.waitFor();
    await page.goBack();
    await expect.poll(() => focusOf(page), { message: `back at ${width}` }).toBe('4');
  }
  await finish();
});

test('the request that is looked at stays in sight', async () => {
  await makeTraffic(there.gateway, 30);
  const { page, finish } = await signedIn(there);
  await page.setViewportSize({ width: 1360, height: 600 });
  await page.goto(`${there.gateway.url}/logs`);
  await settle(page);
  const detail = page.getByRole('complementary', { name: 'Request detail' });
  await page.keyboard.press('j');
  await detail.waitFor();
  for (let step = 0; step < 25; step++) await page.keyboard.press('j');
  await expect.poll(() => page.locator('tr[aria-selected="true"]').getAttribute('aria-rowindex')).toBe('27');
  await expect.poll(() => rowInSight(page)).toBe(true);
  await page.reload();
  await detail.waitFor();
  await expect.poll(() => rowInSight(page)).toBe(true);
  await page.keyboard.press('Escape');
  await expect.poll(() => focusOf(page)).toBe('27');
  // The bars say of which time they are.
  await page.getByText(/a bar, .* UTC to .* UTC. Choose a time to see what was before/).waitFor();
  await finish();
});
