import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { open, settle, violations } from './browser';
import { makeTraffic, post, startGateway } from './gateway';
import { house, signedIn } from './house';

const there = house();

test('a key is made, shown once, used, limited, disabled and deleted', async () => {
  const { page, finish, problems } = await signedIn(there);
  await page.goto(`${there.gateway.url}/keys`);
  await page.getByRole('button', { name: 'Create key' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('batch-jobs');
  await dialog.getByLabel('Spend limit (USD)').fill('-1');
  await dialog.getByRole('button', { name: 'Create key' }).click();
  // The browser refuses what is below zero before the server has to.
  expect(
    await dialog
      .getByLabel('Spend limit (USD)')
      .evaluate(field => (field as HTMLInputElement).validity.valid),
  ).toBe(false);
  await dialog.getByLabel('Spend limit (USD)').fill('12.345678901');
  await dialog.getByLabel('Limit starts afresh').selectOption('monthly');
  expect(await violations(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Create key' }).click();
  await page.getByRole('dialog', { name: 'Copy the key now' }).waitFor();
  // It is never shown again: nothing but its buttons takes it away.
  await page.mouse.click(5, 5);
  for (let times = 0; times < 3; times++) await page.keyboard.press('Escape');
  await dialog.getByText(/^sk-or-v1-/).waitFor();
  await dialog.getByRole('button', { name: 'Copy key' }).click();
  const key = await page.evaluate(() => navigator.clipboard.readText());
  expect(key).toMatch(/^sk-or-v1-/);
  expect(await violations(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Done' }).click();
  const row = page.getByRole('row').filter({ hasText: 'batch-jobs' });
  await row.getByText('$0 / $12.35').waitFor();
  expect(await page.content()).not.toContain(key);
  const ask = () => fetch(`${there.gateway.url}/api/v1/key`, { headers: { authorization: `Bearer ${key}` } });
  expect((await ask()).status).toBe(200);

  await row.getByRole('button', { name: 'Edit batch-jobs' }).click();
  expect(await dialog.getByLabel('Spend limit (USD)').inputValue()).toBe('12.345678901');
  await dialog.getByLabel('Spend limit (USD)').fill('');
  await dialog.getByLabel('Disabled').check();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await row.getByText('disabled').waitFor();
  await row.getByText('none', { exact: true }).waitFor();
  expect((await ask()).status).toBe(401);

  await row.getByRole('button', { name: 'Delete batch-jobs' }).click();
  await dialog.getByRole('button', { name: 'Delete key' }).click();
  await expect.poll(() => row.count()).toBe(0);
  expect(problems).toEqual([]);
  await finish();
});

test('a refusal of the server stands at its field', async () => {
  const { page, problems, context } = await signedIn(there);
  await page.goto(`${there.gateway.url}/keys?create=true`);
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('too-much');
  await dialog.getByLabel('Spend limit (USD)').fill('99999999999');
  await dialog.getByRole('button', { name: 'Create key' }).click();
  await dialog.getByRole('alert').getByText('is out of range').waitFor();
  expect(await dialog.getByLabel('Spend limit (USD)').getAttribute('aria-invalid')).toBe('true');
  expect(problems.every(one => one.includes('400'))).toBe(true);
  await context.close();
});

test('a key in use is not deleted by a slip', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/keys`);
  await page.getByRole('button', { name: 'Delete traffic' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('It was used in the last seven days.').waitFor();
  expect(await dialog.getByRole('button', { name: 'Delete key' }).isDisabled()).toBe(true);
  await dialog.getByLabel('Type traffic to confirm').fill('traffic');
  expect(await dialog.getByRole('button', { name: 'Delete key' }).isDisabled()).toBe(false);
  await page.keyboard.press('Escape');
  await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
  await finish();
});

test('filters of models live in the address and survive a reload', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/models`);
  await settle(page);
  await page.keyboard.press('/');
  await page.keyboard.type('reasoning');
  await expect.poll(() => page.url()).toContain('q=reasoning');
  await page.getByRole('status').getByText('1 of 6').waitFor();
  await page.reload();
  await page.getByRole('status').getByText('1 of 6').waitFor();
  await page.getByLabel('Price').selectOption('unknown');
  await page.getByRole('heading', { name: 'No model matches all of these filters' }).waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'unknown price' }).click();
  await page.getByRole('link', { name: 'Reasoning (free)' }).click();
  await page.getByRole('heading', { level: 1, name: 'Reasoning (free)' }).waitFor();
  const pins = page.getByRole('checkbox', { name: /^Pin / });
  await pins.first().check();
  await page.getByText('Tried in this order: simulated-').waitFor();
  await page.getByLabel('No others').check();
  await page.getByText('"allow_fallbacks": false').waitFor();
  await page.getByRole('button', { name: 'Pin none' }).click();
  await expect.poll(() => page.getByText('allow_fallbacks').count()).toBe(0);
  await page.goBack();
  expect(page.url()).toContain('q=reasoning');
  // What is typed is not lost where the address is slower.
  await page.getByLabel('Filter by name or id').fill('');
  await page.getByRole('status').getByText('6 models').waitFor();
  await page.getByLabel('Provider').selectOption({ label: 'Simulated OpenAI' });
  await page
    .getByRole('status')
    .getByText(/^\d of 6/)
    .waitFor();
  expect(page.url()).toContain('providers=simulated-openai');
  await page.getByLabel('Prompts').selectOption('Keeps nothing');
  await expect.poll(() => page.url()).toContain('zdr=true');
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await page.getByRole('status').getByText('6 models').waitFor();
  await finish();
});

test('an unknown model names those that may have been meant', async () => {
  const { page, problems, context } = await signedIn(there);
  await page.goto(`${there.gateway.url}/models/simulated/flakey:free`);
  await page.getByRole('link', { name: 'simulated/flaky:free' }).click();
  await page.getByRole('heading', { level: 1, name: 'Flaky (free)' }).waitFor();
  expect(problems.every(one => one.includes('404'))).toBe(true);
  await context.close();
});

test('the palette finds pages, models and logs by keyboard alone', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/models`);
  await settle(page);
  await page.keyboard.press('Control+k');
  await page.getByRole('dialog', { name: 'Command palette' }).waitFor();
  expect(await violations(page)).toEqual([]);
  await page.keyboard.type('api k');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'API keys' }).waitFor();
  expect(await page.getByRole('dialog').count()).toBe(0);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('flaky');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Flaky (free)' }).waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('a');
  await page.getByRole('heading', { level: 1, name: 'Activity' }).waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByLabel('Single-letter keys').uncheck();
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('k');
  expect(page.url()).toContain('/activity');
  await finish();
});

test('a log opens beside the list, j and k step, the address names it', async () => {
  const { page, problems, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/logs`);
  await settle(page);
  const table = page.getByRole('table', { name: 'Requests' });
  expect(await table.getByRole('row').count()).toBe(13);
  await table.getByRole('row').nth(2).click();
  const detail = page.getByRole('complementary', { name: 'Request detail' });
  await detail.getByText('Streamed').waitFor();
  expect(await violations(page)).toEqual([]);
  const first = new URL(page.url()).searchParams.get('id');
  await page.keyboard.press('j');
  await expect.poll(() => new URL(page.url()).searchParams.get('id')).not.toBe(first);
  await page.keyboard.press('k');
  await expect.poll(() => new URL(page.url()).searchParams.get('id')).toBe(first);
  await page.reload();
  await detail.getByRole('list', { name: 'Route taken' }).waitFor();
  // A link that leads past the list tells as much as the list does.
  await page.goto(`${page.url()}&status=cancelled`);
  for (const fact of ['First token', 'Key', 'Application'])
    await detail.getByText(fact, { exact: true }).waitFor();
  await page.keyboard.press('c');
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(first);
  await page.getByText('Report a problem with this request').click();
  await detail.getByLabel('Comment').fill('slow today');
  await detail.getByRole('button', { name: 'Report' }).click();
  await detail.getByText('Noted with the record').waitFor();
  await detail.getByRole('button', { name: 'Show prompt and answer' }).click();
  await detail.getByText('Prompt and answer are not stored').waitFor();
  // That nothing is stored is a 404, of which the browser tells.
  problems.splice(0, problems.length, ...problems.filter(one => !one.includes('404')));
  await page.keyboard.press('Escape');
  await expect.poll(() => detail.count()).toBe(0);
  await finish();
});

test('logs filter by session, and new requests wait to be shown', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/logs`);
  await settle(page);
  await page.getByRole('button', { name: 'More filters' }).click();
  await page.getByLabel('Session').fill('conversation-1');
  await page.getByRole('status').getByText('3 requests').waitFor();
  await page.getByLabel('Outcome').selectOption('ok');
  await expect.poll(() => page.url()).toContain('status=ok');
  await settle(page);
  const rows = Number(await page.getByRole('table', { name: 'Requests' }).getAttribute('aria-rowcount'));
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'CSV', exact: true }).click();
  const file = await (await download).path();
  // The file has what is on screen: a head and its rows.
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  expect(lines).toHaveLength(rows);
  expect(lines.slice(1).every(line => line.includes(',ok,') && line.includes('conversation-1'))).toBe(true);
  await page.getByRole('button', { name: 'Clear filters' }).click();
  // Columns are chosen in this there.browser, and stay chosen.
  expect(await page.getByRole('columnheader', { name: 'Application' }).count()).toBe(0);
  await page.getByText('Columns', { exact: true }).click();
  await page.getByRole('checkbox', { name: 'Application' }).check();
  await page.getByRole('checkbox', { name: 'Key' }).uncheck();
  expect(await violations(page)).toEqual([]);
  await page.reload();
  await page.getByRole('columnheader', { name: 'Application' }).waitFor();
  expect(await page.getByRole('columnheader', { name: 'Key' }).count()).toBe(0);
  const status = page.getByRole('status').getByText(/\d+ requests/);
  const before = await status.textContent();
  await makeTraffic(there.gateway, 2);
  await page.getByRole('button', { name: '2 new' }).click({ timeout: 15_000 });
  await expect.poll(() => status.textContent()).not.toBe(before);
  await finish();
});

test('older requests are loaded page by page, none twice and none left out', async () => {
  const own = await startGateway();
  // At once, so that many share a millisecond.
  await Promise.all(Array.from({ length: 25 }, () => makeTraffic(own, 10)));
  const { page, finish } = await open(there.browser, own.url, { session: own.session });
  await page.goto(`${own.url}/logs`);
  const table = page.getByRole('table', { name: 'Requests' });
  const rows = () => table.getAttribute('aria-rowcount');
  const older = async () => {
    await page
      .getByRole('region', { name: 'Requests, table' })
      .evaluate(one => one.scrollTo(0, one.scrollHeight));
    await page.getByRole('button', { name: 'Load older' }).click();
  };
  await expect.poll(rows).toBe('101');
  await older();
  await expect.poll(rows).toBe('201');
  await older();
  await expect.poll(rows).toBe('251');
  await expect.poll(() => page.getByRole('button', { name: 'Load older' }).count()).toBe(0);
  await finish();
  own.stop();
});

test('of more keys than a list has, one is found by its name, and named where it is not listed', async () => {
  const own = await startGateway();
  const make = (name: string) => post(own, 'api/v1/keys', { name }, own.session);
  for (let number = 0; number < 105; number++) await make(`key ${number}`);
  await make('night train');
  const { page, finish } = await open(there.browser, own.url, { session: own.session });
  await page.goto(`${own.url}/logs`);
  const key = page.getByLabel('Key', { exact: true });
  expect(await key.locator('option', { hasText: 'night train' }).count()).toBe(0);
  await page.getByLabel('Find a key').fill('NIGHT');
  await key.selectOption({ label: 'night train' });
  await expect.poll(() => page.url()).toContain('key=');
  await page.reload();
  await expect.poll(() => key.locator('option:checked').textContent()).toBe('night train');
  await finish();
  own.stop();
});

test('keys of every workspace count on the overview, in filters, and where the address names theirs', async () => {
  const own = await startGateway();
  const made = await post(own, 'api/v1/workspaces', { name: 'Night shift', slug: 'night' }, own.session);
  const { data } = (await made.json()) as { data: { id: string } };
  await post(own, 'api/v1/keys', { name: 'night train', limit: 5, workspace_id: data.id }, own.session);
  await makeTraffic(own, 1);
  const credential = { provider: 'openai', key: 'sk-none', name: 'ours', workspace_id: data.id };
  const { page, finish } = await open(there.browser, own.url, { session: own.session });
  await page.goto(own.url);
  await page.getByRole('link', { name: 'night train' }).click();
  await page.getByRole('cell', { name: /^night train/ }).waitFor();
  await page.goto(`${own.url}/keys?workspace=night`);
  await page.getByRole('cell', { name: /^night train/ }).waitFor();
  expect(await page.getByLabel('Workspace').locator('option:checked').textContent()).toBe('Night shift');
  await page.goto(`${own.url}/logs`);
  await page.getByLabel('Key', { exact: true }).selectOption({ label: 'night train' });
  await expect.poll(() => page.url()).toContain('key=');
  await post(own, 'api/v1/byok', credential, own.session);
  await page.goto(`${own.url}/byok`);
  await page.getByText('only Night shift').waitFor();
  await page.getByRole('button', { name: 'Edit ours' }).click();
  await page.getByRole('dialog').getByText('Only the workspace Night shift uses it.').waitFor();
  expect(await violations(page)).toEqual([]);
  await finish();
  own.stop();
});

test('models that write no text are listed, and shown how they are asked', async () => {
  const { page, finish } = await signedIn(there);
  const list = await (await fetch(`${there.gateway.url}/api/v1/models`)).json();
  const [model] = list.data;
  const architecture = {
    ...model.architecture,
    output_modalities: ['embeddings'],
    modality: 'text->embeddings',
  };
  const embed = { ...model, id: 'acme/embed', name: 'Acme: Embed', architecture };
  await page.route(/api\/v1\/models\?/, route => {
    const all = new URL(route.request().url()).searchParams.get('output_modalities') === 'all';
    return route.fulfill({ json: { data: all ? [model, embed] : [model] } });
  });
  await page.route('**/api/v1/model/acme/embed', route => route.fulfill({ json: { data: embed } }));
  await page.route('**/api/v1/models/acme/embed/endpoints', route =>
    route.fulfill({ json: { data: { endpoints: [] } } }),
  );
  await page.goto(`${there.gateway.url}/models`);
  await page.getByLabel('Output').selectOption('embeddings');
  await page.getByRole('link', { name: 'Embed' }).click();
  await page.getByRole('heading', { level: 1, name: 'Embed' }).waitFor();
  await page.getByText(/api\/v1\/embeddings/).waitFor();
  expect(await page.getByRole('link', { name: 'Try it' }).count()).toBe(0);
  await page.goto(`${there.gateway.url}/playground`);
  await page.getByLabel('Model 1').waitFor();
  expect(await page.getByLabel('Model 1').locator('option', { hasText: 'acme/embed' }).count()).toBe(0);
  await finish();
});

test('credit is granted and corrected to the last digit', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/credits`);
  await page.getByText('not limited').waitFor();
  const enter = async (kind: string, amount: string, reason: string) => {
    await page.getByRole('button', { name: 'Grant or correct' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Kind').selectOption(kind);
    await dialog.getByLabel('Amount (USD)').fill(amount);
    await dialog.getByLabel('Reason').fill(reason);
    await dialog.getByRole('button', { name: 'Enter in the ledger' }).click();
    await page.getByRole('cell', { name: reason }).waitFor();
  };
  await enter('grant', '100.1', 'first month');
  await enter('adjustment', '-0.000000001', 'a nano-dollar');
  await page.getByText('$100.099999999').first().waitFor();
  await page.getByRole('cell', { name: '−$0.000000001' }).waitFor();
  await finish();
});

test('a workspace is made, gets budgets in order, and goes', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/workspaces`);
  await page.getByRole('button', { name: 'Create workspace' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('Data team');
  expect(await dialog.getByLabel('Slug').inputValue()).toBe('data-team');
  await dialog.getByRole('button', { name: 'Create workspace' }).click();
  await page.getByRole('heading', { level: 1, name: 'Data team' }).waitFor();
  await page.getByRole('button', { name: 'Set the weekly budget' }).click();
  await dialog.getByLabel('At most (USD)').fill('20.5');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('cell', { name: '$20.50' }).waitFor();
  await page.getByRole('button', { name: 'Set the daily budget' }).click();
  await dialog.getByLabel('At most (USD)').fill('30');
  await dialog.getByRole('alert').getByText('Must be less than the weekly budget of $20.50.').waitFor();
  expect(await dialog.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
  await page.keyboard.press('Escape');
  await page.getByLabel('Description').fill('Pipelines');
  await page.getByLabel('Model of requests that name none').fill('nobody/nothing');
  await page.getByText('No model that can be used now has exactly this name.').waitFor();
  await page.getByLabel('Model of requests that name none').fill('simulated/chat:free');
  await page.getByLabel('Order of providers').selectOption('latency');
  await page.getByLabel('Keep conversations').check();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(() => page.getByRole('button', { name: 'Save' }).count()).toBe(0);
  await page.reload();
  expect(await page.getByLabel('Model of requests that name none').inputValue()).toBe('simulated/chat:free');
  expect(await page.getByLabel('Order of providers').inputValue()).toBe('latency');
  expect(await page.getByLabel('Keep conversations').isChecked()).toBe(true);
  await page.getByRole('button', { name: 'Delete' }).click();
  await dialog.getByLabel('Type data-team to confirm').fill('data-team');
  await dialog.getByRole('button', { name: 'Delete workspace' }).click();
  await page.getByRole('heading', { level: 1, name: 'Workspaces' }).waitFor();
  await expect.poll(() => page.getByRole('link', { name: 'Data team' }).count()).toBe(0);
  await page.goto(`${there.gateway.url}/audit`);
  await page.getByRole('cell', { name: 'workspace: remove' }).first().waitFor();
  await page
    .getByRole('button', { name: /^Show the change/ })
    .first()
    .click();
  await page.getByRole('table', { name: 'What changed' }).waitFor();
  expect(await violations(page)).toEqual([]);
  await finish();
});

test('activity groups, narrows and exports what is on screen', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/activity?metric=request_count`);
  await page.getByRole('table', { name: 'Request count by group' }).waitFor();
  await page.getByRole('button', { name: 'simulated/flaky:free' }).click();
  await expect.poll(() => decodeURIComponent(page.url())).toContain('model:simulated/flaky:free');
  await page
    .getByRole('button', { name: /^Simulated/ })
    .first()
    .waitFor();
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'CSV', exact: true }).click();
  expect((await download).suggestedFilename()).toBe('activity-request_count-by-provider.csv');
  await page.getByRole('button', { name: /^Remove the filter/ }).click();
  await page.getByLabel('Range', { exact: true }).selectOption('24h');
  await expect.poll(() => page.url()).toContain('range=24h');
  await page.getByLabel('Figure', { exact: true }).selectOption('latency_p50');
  await page.getByText('cannot be added up').waitFor();
  await finish();
});

test('an application gets its code where it asked, and nothing when denied', async () => {
  const { page, context } = await signedIn(there);
  const back = `${there.gateway.url}/settings`;
  const address = `${there.gateway.url}/auth?callback_url=${encodeURIComponent(back.replace('127.0.0.1', 'localhost'))}&code_challenge=${'a'.repeat(43)}&key_label=Notes`;
  const answered = (part: string) =>
    page.waitForRequest(
      request => request.url().startsWith('http://localhost') && request.url().includes(part),
    );
  // Nobody listens at localhost in this test: where the browser goes is what matters.
  await page.route('http://localhost/**', route => route.fulfill({ body: 'the application' }));
  await page.route(/^http:\/\/localhost:/, route => route.fulfill({ body: 'the application' }));
  await page.goto(address);
  await page
    .getByRole('definition')
    .filter({ hasText: /^Default$/ })
    .waitFor();
  await page.getByLabel('At most (USD)').fill('2.5');
  const approved = answered('code=');
  await page.getByRole('button', { name: 'Authorise' }).click();
  await approved;
  await page.goto(address);
  const denied = answered('error=access_denied');
  await page.getByRole('button', { name: 'Deny' }).click();
  await denied;
  await context.close();
});

test('a key gets another secret while the old one still works', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/keys`);
  await page.getByRole('button', { name: 'Rotate traffic' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('The old secret ends').selectOption('24');
  expect(await violations(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Make the new secret' }).click();
  const secret = (await dialog.getByText(/^sk-or-v1-/).textContent()) ?? '';
  await page.mouse.click(5, 5);
  expect(await dialog.getByText(secret).count()).toBe(1);
  const ask = (key: string) =>
    fetch(`${there.gateway.url}/api/v1/key`, { headers: { authorization: `Bearer ${key}` } });
  expect([(await ask(secret)).status, (await ask(there.gateway.apiKey)).status]).toEqual([200, 200]);
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.goto(`${there.gateway.url}/audit`);
  await page.getByRole('row', { name: /api key: rotate traffic/ }).waitFor();
  await finish();
});

test('a management key is made and deleted on its own tab', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/keys`);
  await page.getByRole('button', { name: 'Management keys' }).click();
  await page.getByText('has the powers of an owner').waitFor();
  await page.getByRole('button', { name: 'Create key' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('terraform');
  await dialog.getByRole('button', { name: 'Create key' }).click();
  await dialog.getByText(/^sk-or-v1-/).waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('button', { name: 'Delete terraform' }).click();
  await dialog.getByLabel('Type terraform to confirm').fill('terraform');
  await dialog.getByRole('button', { name: 'Delete key' }).click();
  await expect.poll(() => page.getByRole('button', { name: 'Delete terraform' }).count()).toBe(0);
  await finish();
});

test('new requests wait until they are wanted, and filters hold for them', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/logs?status=ok&model=simulated/openai:free`);
  const rows = () => page.getByRole('table', { name: 'Requests' }).getAttribute('aria-rowcount');
  await expect.poll(rows).toBe('5');
  await makeTraffic(there.gateway, 3);
  await page.getByRole('button', { name: '1 new' }).click();
  await expect.poll(rows).toBe('6');
  await page.getByRole('button', { name: 'More filters' }).click();
  await page.getByLabel('First byte after at least (ms)').fill('3600000');
  await page.getByRole('heading', { name: 'No request fits these filters' }).waitFor();
  expect(await violations(page)).toEqual([]);
  await finish();
});

test('of what is followed nothing is lost, and the bars follow as well', async () => {
  // An account with a ledger may ask free models so many times a minute.
  const own = await startGateway();
  const { page, finish } = await open(there.browser, own.url, { session: own.session });
  await page.goto(`${own.url}/logs?user=followed&tail=true`);
  const rows = () => page.getByRole('table', { name: 'Requests' }).getAttribute('aria-rowcount');
  const ask = () =>
    fetch(`${own.url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${own.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'simulated/chat:free',
        user: 'followed',
        messages: [{ role: 'user', content: 'Hello' }],
      }),
    }).then(async response => expect(response.status, await response.text()).toBe(200));
  await ask();
  await expect.poll(rows, { timeout: 15_000 }).toBe('2');
  for (let at = 0; at < 20; at++) await ask();
  await expect.poll(rows, { timeout: 15_000 }).toBe('22');
  await page.getByRole('img', { name: /a bar: 21,/ }).waitFor();
  await finish();
  own.stop();
});

test('Back undoes what filters, groups and dialogs did, and only that', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/activity?metric=request_count`);
  await page.getByLabel('Group by').selectOption('provider');
  await expect.poll(() => page.url()).toContain('by=provider');
  await page.goBack();
  await expect.poll(() => page.getByLabel('Group by').inputValue()).toBe('model');
  const nav = page.getByRole('navigation', { name: 'Main' });
  await nav.getByRole('link', { name: 'Logs' }).click();
  await page.getByLabel('Outcome').selectOption('ok');
  await expect.poll(() => page.url()).toContain('status=ok');
  // Of typing Back undoes no letter.
  await page.getByLabel('Model', { exact: true }).fill('simulated/chat:free');
  await expect.poll(() => page.url()).toContain('model=');
  await page.goBack();
  await expect.poll(() => page.getByLabel('Outcome').inputValue()).toBe('');
  expect(new URL(page.url()).search).toBe('');
  await nav.getByRole('link', { name: 'API keys' }).click();
  const dialog = page.getByRole('dialog');
  const create = page.getByRole('button', { name: 'Create key' });
  await create.first().click();
  await dialog.getByLabel('Name').waitFor();
  await page.goBack();
  await expect.poll(() => dialog.count()).toBe(0);
  expect(page.url()).toMatch(/\/keys$/);
  await create.click();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect.poll(() => dialog.count()).toBe(0);
  await page.goBack();
  await page.getByRole('heading', { level: 1, name: 'Logs' }).waitFor();
  await finish();
});

test('what was typed and not yet looked for goes with what is cleared', async () => {
  const { page, finish } = await signedIn(there);
  await page.clock.install();
  for (const [path, field] of [
    ['logs?status=ok', 'Kind of error or id'],
    ['models?cost=free', 'Filter by name or id'],
  ] as const) {
    await page.goto(`${there.gateway.url}/${path}`);
    await settle(page);
    await page.getByLabel(field).fill('nothing');
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await expect.poll(() => new URL(page.url()).search, { message: path }).toBe('');
    await page.clock.runFor(2_000);
    await expect.poll(() => page.getByLabel(field).inputValue(), { message: path }).toBe('');
    expect(new URL(page.url()).search, path).toBe('');
  }
  await finish();
});

test('what a policy would leave is told before it is in force', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/privacy`);
  await page.getByLabel('Only providers that keep nothing').check();
  await page.getByRole('heading', { name: 'What would be left' }).waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Put in force' }).click();
  await page.getByRole('heading', { name: 'What is left', exact: true }).waitFor();
  await page.getByLabel('Only providers that keep nothing').uncheck();
  await page.getByRole('button', { name: 'Put in force' }).click();
  await expect.poll(() => page.getByRole('button', { name: 'Put in force' }).count()).toBe(0);
  await finish();
});
