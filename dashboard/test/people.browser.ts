import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch, open, violations } from './browser';
import { codeOf, type Gateway, makeTraffic, OWNER, post, startGateway } from './gateway';

let browser: Browser;
let gateway: Gateway;
beforeAll(async () => {
  [browser, gateway] = await Promise.all([launch(), startGateway()]);
  await makeTraffic(gateway, 3);
});
afterAll(async () => {
  await browser?.close();
  gateway?.stop();
});

test('from an empty server to the first answered request, in the dashboard alone', async () => {
  const fresh = await startGateway({ isSetUp: false, base: '/gw' });
  const { page, finish, problems } = await open(browser, fresh.url);
  await page.goto(fresh.url);
  await page.getByLabel('Set-up code').waitFor();
  expect(await violations(page)).toEqual([]);
  await page.goto(`${fresh.url}/setup#code=${codeOf(fresh.command('setup-link'))}`);
  // The link was opened in a tab that shows the page already.
  await expect.poll(() => page.url()).toBe(`${fresh.url}/setup`);
  await expect.poll(() => page.getByLabel('Set-up code').count()).toBe(0);
  await page.getByLabel('Mail address').fill(OWNER.email);
  await page.getByLabel('Your name').fill(OWNER.name);
  await page.getByLabel('Password').fill('short');
  await page.getByRole('button', { name: 'Create the account' }).click();
  expect(await page.getByRole('heading', { name: 'Set up Trunkline' }).count()).toBe(1);
  await page.getByLabel('Password').fill(OWNER.password);
  await page.getByRole('button', { name: 'Create the account' }).click();
  await page.getByText('Requests go to providers with your keys.').waitFor();
  expect(page.url()).not.toContain('code');
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: /^(Later|Go on)/ }).click();
  await page.getByRole('button', { name: 'Create an API key' }).click();
  await page.getByText('Your key, shown this once:').waitFor();
  await page.getByRole('button', { name: 'Send it from here' }).click();
  await page.getByText('Answered. This server works.').waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('link', { name: 'To the dashboard' }).click();
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  // Asking who is there is answered with 401 while nobody is.
  problems.splice(0, problems.length, ...problems.filter(one => !one.includes('401')));
  await finish();
  fresh.stop();
});

test('somebody is invited, joins, and sees what is theirs alone', async () => {
  const admin = await open(browser, gateway.url, { session: gateway.session });
  await admin.page.goto(`${gateway.url}/members`);
  await admin.page.getByRole('button', { name: 'Invite' }).click();
  const dialog = admin.page.getByRole('dialog');
  await dialog.getByLabel('Mail address').fill('bo@example.org');
  await dialog.getByRole('button', { name: 'Make the link' }).click();
  const link = (await dialog.getByText(/\/invite#/).textContent()) ?? '';
  expect(link.startsWith(`${gateway.url}/invite#`)).toBe(true);
  await admin.page.mouse.click(5, 5);
  expect(await dialog.getByText(link).count()).toBe(1);
  expect(await violations(admin.page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Done' }).click();
  await admin.page.getByRole('button', { name: 'Withdraw the invitation of bo@example.org' }).waitFor();

  const member = await open(browser, gateway.url);
  const secret = link.slice(link.indexOf('#') + 1);
  const told: string[] = [];
  member.page.on('request', request => told.push(`${request.url()} ${JSON.stringify(request.headers())}`));
  await member.page.goto(link.replace('#', '/'));
  await member.page.getByText('made by an earlier version').waitFor();
  expect(await violations(member.page)).toEqual([]);
  told.length = 0;
  await member.page.goto(link);
  await member.page.getByRole('heading', { name: 'Join this server' }).waitFor();
  await expect.poll(() => member.page.url()).toBe(`${gateway.url}/invite`);
  await member.page.reload();
  await member.page.getByText('Open the link again').waitFor();
  await member.page.goto(link);
  expect(await member.page.getByLabel('Mail address').inputValue()).toBe('bo@example.org');
  await member.page.getByLabel('Your name').fill('Bo');
  await member.page.getByLabel('Password').fill('a long enough one');
  expect(await violations(member.page)).toEqual([]);
  await member.page.getByRole('button', { name: 'Join' }).click();
  await member.page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  expect(told.filter(one => one.includes(secret))).toEqual([]);
  const nav = member.page.getByRole('navigation', { name: 'Main' });
  expect(await nav.getByRole('link', { name: 'Credits' }).count()).toBe(0);
  await nav.getByRole('link', { name: 'API keys' }).click();
  await member.page.getByRole('heading', { name: 'No keys yet' }).waitFor();
  await nav.getByRole('link', { name: 'Logs' }).click();
  await member.page.getByRole('heading', { name: 'Waiting for the first request' }).waitFor();
  for (const [page, button] of [
    ['Provider keys', 'OpenAI'],
    ['Members', 'Invite'],
    ['Workspaces', 'Create workspace'],
  ] as const) {
    await nav.getByRole('link', { name: page }).click();
    const refused = member.page.getByRole('button', { name: button }).first();
    await refused.waitFor();
    expect(await refused.isDisabled(), button).toBe(true);
    expect(await refused.getAttribute('title')).toContain('Only admins and owners');
  }
  await member.page.goto(`${gateway.url}/credits`);
  expect(await member.page.getByRole('button', { name: 'Grant or correct' }).isDisabled()).toBe(true);
  await member.page.goto(`${gateway.url}/workspaces/default`);
  await member.page.getByText('are shown to admins and owners').waitFor();
  await member.page.goto(link);
  await member.page.getByText('This link was used already').waitFor();
  member.problems.splice(0, member.problems.length, ...member.problems.filter(one => !/40[134]/.test(one)));
  await member.finish();

  await admin.page.reload();
  await admin.page.getByRole('button', { name: 'Manage Bo' }).click();
  await dialog.getByLabel('A day').fill('2.5');
  await dialog.getByLabel('What own provider keys pay').check();
  await dialog.getByRole('button', { name: 'Save the limit: a day' }).click();
  await dialog.getByText('$0 used, $2.50 left, afresh').waitFor();
  expect(await dialog.getByLabel('What own provider keys pay').isChecked()).toBe(true);
  await dialog.getByLabel('A month').fill('0');
  await dialog.getByRole('button', { name: 'Save the limit: a month' }).click();
  await dialog.getByText('$0 used: nothing is left').waitFor();
  await dialog.getByLabel('A month').fill('');
  await dialog.getByRole('button', { name: 'Remove the limit: a month' }).click();
  await expect.poll(() => dialog.getByText('nothing is left').count()).toBe(0);
  await admin.page.getByRole('row').filter({ hasText: 'bo@example.org' }).getByText('$0 / $2.50').waitFor();
  await dialog.getByLabel('Role').selectOption('admin');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await admin.page.getByRole('row').filter({ hasText: 'bo@example.org' }).getByText('admin').waitFor();
  await dialog.getByRole('button', { name: 'Link for a new password' }).click();
  await dialog.getByText(/\/reset#/).waitFor();
  expect(await violations(admin.page)).toEqual([]);
  await admin.finish();
});

test('what one saw is not shown to the next, in this tab or another', async () => {
  const own = await startGateway();
  const bo = { email: 'bo@example.org', role: 'member' };
  const made = await post(own, 'api/internal/invites', bo, own.session);
  const { url } = (await made.json()) as { url: string };
  const password = 'a long enough one';
  await post(own, 'api/internal/invites/accept', { secret: url.split('#')[1], name: 'Bo', password });
  const { page, context, finish, problems } = await open(browser, own.url);
  const signIn = async (email: string, secret: string) => {
    await page.getByLabel('Mail address').fill(email);
    await page.getByLabel('Password').fill(secret);
    await page.keyboard.press('Enter');
  };
  await page.goto(`${own.url}/keys`);
  await signIn(OWNER.email, OWNER.password);
  await page.getByRole('cell', { name: /^traffic/ }).waitFor();
  const other = await context.newPage();
  await other.goto(`${own.url}/keys`);
  await other.getByRole('cell', { name: /^traffic/ }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await other.getByRole('heading', { name: 'Sign in to Trunkline' }).waitFor();
  // The keys of the next one are slow to come.
  let answer = () => {};
  const held = new Promise<void>(done => {
    answer = done;
  });
  await page.route(/api\/v1\/keys/, async route => {
    await held;
    await route.continue();
  });
  await signIn(bo.email, password);
  await page.getByRole('link', { name: 'Bo' }).waitFor();
  await page.getByRole('heading', { level: 1, name: 'API keys' }).waitFor();
  expect(await page.getByText('traffic').count()).toBe(0);
  answer();
  await page.getByRole('heading', { name: 'No keys yet' }).waitFor();
  await other.getByRole('link', { name: 'Bo' }).waitFor();
  await other.getByRole('heading', { name: 'No keys yet' }).waitFor();
  problems.splice(0, problems.length, ...problems.filter(one => !one.includes('401')));
  await finish();
  own.stop();
});

test('a provider’s key is tried as it is pasted, stored, ordered, replaced and deleted', async () => {
  const stub = createServer((asked, answer) => {
    const good = asked.headers.authorization !== 'Bearer bad';
    answer.writeHead(good ? 200 : 401, { 'content-type': 'application/json' });
    answer.end(good ? '{"object":"list","data":[],"models":[]}' : '{"error":{"message":"no such key"}}');
  });
  await new Promise<void>(done => stub.listen(0, '127.0.0.1', done));
  const address = `http://127.0.0.1:${(stub.address() as AddressInfo).port}`;
  const { page, finish } = await open(browser, gateway.url, { session: gateway.session });
  await page.goto(`${gateway.url}/byok`);
  await page.getByLabel('Filter providers').fill('openai');
  await page.getByRole('button', { name: /^OpenAI/ }).click();
  const dialog = page.getByRole('dialog');
  for (const name of ['first', 'second']) {
    await dialog.getByText('At another address').click();
    await dialog.getByLabel('Address').fill(address);
    await dialog.getByLabel('Key', { exact: true }).fill('bad');
    await dialog.getByText('rejected', { exact: true }).waitFor();
    expect(await dialog.getByRole('button', { name: /^Store/ }).isDisabled()).toBe(true);
    await dialog.getByLabel('Key', { exact: true }).fill('good');
    await dialog.getByText(/^(verified|unknown)$/).waitFor();
    expect(await violations(page)).toEqual([]);
    await dialog.getByLabel('Name (optional)').fill(name);
    await dialog.getByRole('button', { name: /^Store/ }).click();
    await page.getByText(name, { exact: true }).waitFor();
    if (name === 'first') await page.getByRole('button', { name: 'Add key of OpenAI' }).click();
  }
  await page.getByRole('button', { name: 'Try second earlier' }).click();
  await expect.poll(() => page.getByRole('button', { name: 'Try second earlier' }).isDisabled()).toBe(true);
  await page.getByRole('button', { name: 'To fallback: first' }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('Tried when these fail').waitFor();
  await expect
    .poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label')))
    .toBe('To first: first');
  await page.getByRole('button', { name: 'Test second' }).click();
  await page
    .getByRole('status')
    .getByText(/^(verified|unknown)$/)
    .waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Edit second' }).click();
  await dialog.getByLabel('Only for these models').fill('openai/gpt-5-mini');
  expect(await violations(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByText('only 1 model').waitFor();
  for (const name of ['first', 'second']) {
    await page.getByRole('button', { name: `Delete ${name}` }).click();
    await dialog.getByRole('button', { name: 'Delete key' }).click();
    await expect.poll(() => page.getByRole('button', { name: `Delete ${name}` }).count()).toBe(0);
  }
  await finish();
  stub.close();
});

test('a password is changed, and the other sessions end', async () => {
  const { page, finish } = await open(browser, gateway.url, { session: gateway.session });
  await page.goto(`${gateway.url}/profile`);
  await page.getByText('this one', { exact: true }).waitFor();
  await page.getByLabel('Your name').fill('Ada Lovelace');
  await page.getByRole('button', { name: 'Save name' }).click();
  await page.getByText('Saved.').waitFor();
  await page.getByRole('link', { name: 'Ada Lovelace' }).waitFor();
  await page.getByLabel('Present password').fill(OWNER.password);
  await page.getByLabel('New password').fill('another long one');
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByText('All other sessions have ended.').waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Sign out' }).last().click();
  await page.getByRole('heading', { name: 'Sign in to Trunkline' }).waitFor();
  await finish();
});
