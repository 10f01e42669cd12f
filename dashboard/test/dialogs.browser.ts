import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { settle, violations } from './browser';
import { post } from './gateway';
import { house, signedIn } from './house';

const there = house();

const focusOf = (page: Page) =>
  page.evaluate(() => {
    const { activeElement: one } = document;
    return one === document.body ? 'nothing' : (one?.getAttribute('aria-label') ?? one?.textContent ?? '');
  });
const makeKey = (name: string) => post(there.gateway, 'api/v1/keys', { name }, there.gateway.session);

test('a secret that is shown once is taken away by its button alone', async () => {
  const { page, finish } = await signedIn(there);
  const dialog = page.getByRole('dialog');
  const secret = dialog.getByText(/^sk-or-v1-/);
  const stays = async (what: string) => {
    await page.keyboard.press('Control+k');
    await page.evaluate(() => history.back());
    await dialog.getByText('It is not shown again. Copy it, and press Done.').waitFor();
    for (let times = 0; times < 3; times++) await page.keyboard.press('Escape');
    await page.mouse.click(5, 5);
    expect(await secret.count(), what).toBe(1);
    expect(await page.getByRole('dialog').count(), what).toBe(1);
    expect(await violations(page), what).toEqual([]);
    await dialog.getByRole('button', { name: 'Done' }).click();
    await expect.poll(() => dialog.count(), { message: what }).toBe(0);
    expect(page.url(), what).toMatch(/\/keys(\?kind=management)?$/);
  };
  await page.goto(`${there.gateway.url}/privacy`);
  await page.getByRole('link', { name: 'API keys' }).click();
  await page.getByRole('button', { name: 'Create key' }).click();
  await dialog.getByLabel('Name').fill('shown-once');
  await dialog.getByRole('button', { name: 'Create key' }).click();
  await secret.waitFor();
  await stays('a new key');
  await page.getByRole('button', { name: 'Rotate shown-once' }).click();
  await dialog.getByRole('button', { name: 'Make the new secret' }).click();
  await secret.waitFor();
  await stays('a rotated key');
  await page.getByRole('button', { name: 'Management keys' }).click();
  await page.getByRole('heading', { level: 1, name: 'Management keys' }).waitFor();
  await page.getByRole('button', { name: 'Create key' }).click();
  await dialog.getByLabel('Name').fill('shown-once-as-well');
  await dialog.getByRole('button', { name: 'Create key' }).click();
  await secret.waitFor();
  await stays('a management key');
  await page.getByRole('link', { name: 'Members' }).click();
  await page.getByRole('button', { name: 'Invite' }).first().click();
  await dialog.getByLabel('Mail address').fill('grace@example.org');
  await dialog.getByRole('button', { name: 'Make the link' }).click();
  await dialog.getByText(/\/invite#/).waitFor();
  await page.evaluate(() => history.back());
  await dialog.getByText('It is not shown again').waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await expect.poll(() => dialog.count()).toBe(0);
  await finish();
});

test('a secret that is being made is shown, whatever is pressed meanwhile', async () => {
  const { page, finish } = await signedIn(there);
  const dialog = page.getByRole('dialog');
  await page.route('**/api/v1/keys', async route => {
    if (route.request().method() === 'POST') await new Promise(done => setTimeout(done, 1_500));
    await route.continue();
  });
  await page.goto(`${there.gateway.url}/privacy`);
  await page.getByRole('link', { name: 'API keys' }).click();
  await page.getByRole('button', { name: 'Create key' }).click();
  await dialog.getByLabel('Name').fill('slow');
  await dialog.getByRole('button', { name: 'Create key' }).focus();
  await page.keyboard.press('Enter');
  await dialog.getByRole('button', { name: 'Cancel', disabled: true }).waitFor();
  expect(await focusOf(page)).toBe('Create key');
  for (let times = 0; times < 3; times++) await page.keyboard.press('Escape');
  await page.mouse.click(5, 5);
  await page.evaluate(() => history.back());
  await dialog.getByRole('button', { name: 'Cancel' }).click({ force: true });
  await dialog.getByText(/^sk-or-v1-/).waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await expect.poll(() => dialog.count()).toBe(0);
  await finish();
});

test('a press that begins in a dialog does not close it', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/keys?create=true`);
  const field = page.getByRole('dialog').getByLabel('Name');
  await field.fill('a name to be marked');
  const box = (await field.boundingBox()) as { x: number; y: number; width: number; height: number };
  await page.mouse.move(box.x + box.width - 20, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(5, box.y + box.height / 2, { steps: 4 });
  await page.mouse.up();
  expect(await field.inputValue()).toBe('a name to be marked');
  await page.mouse.click(5, 5);
  await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
  await finish();
});

test('the focus goes on where it was when what had it is gone or refused', async () => {
  const { page, problems, context } = await signedIn(there);
  const dialog = page.getByRole('dialog');
  await makeKey('goes');
  await page.goto(`${there.gateway.url}/keys`);
  await page.getByRole('button', { name: 'Delete goes' }).focus();
  await page.keyboard.press('Enter');
  await dialog.getByRole('button', { name: 'Delete key' }).focus();
  await page.keyboard.press('Enter');
  await expect.poll(() => dialog.count()).toBe(0);
  await expect.poll(() => focusOf(page)).toBe('API keys, table');
  await page.getByRole('button', { name: 'Create key' }).click();
  await dialog.getByLabel('Name').fill('too-much');
  await dialog.getByLabel('Spend limit (USD)').fill('99999999999');
  await dialog.getByRole('button', { name: 'Create key' }).focus();
  await page.keyboard.press('Enter');
  await dialog.getByRole('alert').getByText('is out of range').waitFor();
  expect(await focusOf(page)).toBe('Create key');
  // A link to another page goes with the page: what comes is read from its beginning.
  await page.goto(`${there.gateway.url}/keys`);
  await page.getByRole('link', { name: 'Activity' }).last().focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Activity' }).waitFor();
  await expect.poll(() => focusOf(page)).not.toBe('nothing');
  expect(problems.every(one => one.includes('400'))).toBe(true);
  await context.close();
});

test('a button that cannot be used says why to eyes, fingers and ears', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/playground?models=simulated/chat:free`);
  const blind = page.getByRole('button', { name: 'Blind' });
  expect(await blind.isDisabled()).toBe(true);
  expect(
    await blind.evaluate(
      one => document.getElementById(one.getAttribute('aria-describedby') ?? '')?.textContent,
    ),
  ).toBe('Add a second model to compare');
  await blind.focus();
  await page.keyboard.press('Enter');
  await page.getByText('Add a second model to compare').waitFor();
  expect(page.url()).not.toContain('blind');
  expect(await violations(page)).toEqual([]);
  await finish();
});

test('a name is typed as it is read', async () => {
  const { page, finish } = await signedIn(there);
  const made = (await (await makeKey('two  spaces')).json()) as { key: string };
  await fetch(`${there.gateway.url}/api/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${made.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'simulated/chat:free', messages: [{ role: 'user', content: 'Hello' }] }),
  }).then(response => response.text());
  await page.goto(`${there.gateway.url}/keys?q=spaces`);
  await settle(page);
  await page.getByRole('button', { name: 'Delete two spaces' }).click();
  const dialog = page.getByRole('dialog');
  const field = dialog.getByLabel('Type two spaces to confirm');
  await field.fill('two space');
  expect(await dialog.getByRole('button', { name: 'Delete key' }).isDisabled()).toBe(true);
  await field.fill('two spaces');
  await dialog.getByRole('button', { name: 'Delete key' }).click();
  await expect.poll(() => dialog.count()).toBe(0);
  await finish();
});

test('credit whose answer got lost is looked for before it is entered once more', async () => {
  const { page, context } = await signedIn(there);
  await page.goto(`${there.gateway.url}/credits`);
  await page.getByRole('button', { name: 'Grant or correct' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Amount (USD)').fill('12.5');
  await dialog.getByLabel('Reason').fill('for November');
  await page.route('**/credits/grants', async route => {
    await route.fetch();
    await route.abort('connectionreset');
  });
  await dialog.getByRole('button', { name: 'Enter in the ledger' }).click();
  await dialog.getByText('it is not known whether this was entered').waitFor();
  await dialog.getByRole('list', { name: 'Newest entries' }).getByText('$12.50, for November').waitFor();
  await dialog.getByRole('button', { name: 'Enter it once more' }).waitFor();
  expect(await violations(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('table', { name: 'Ledger' }).getByText('+$12.50').waitFor();
  await context.close();
});

test('a connection that breaks is told in a sentence', async () => {
  const { page, context } = await signedIn(there);
  await page.goto(`${there.gateway.url}/keys?create=true`);
  await page.route('**/api/v1/keys', route =>
    route.request().method() === 'POST' ? route.abort('connectionrefused') : route.continue(),
  );
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('lost');
  await dialog.getByRole('button', { name: 'Create key' }).click();
  await dialog.getByRole('alert').getByText('The server did not answer').waitFor();
  expect(await dialog.getByText('Failed to fetch').count()).toBe(0);
  await context.close();
});
