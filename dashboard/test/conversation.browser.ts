import type { Page, Route } from 'playwright-core';
import { expect, test } from 'vitest';
import { violations } from './browser';
import { house, signedIn } from './house';

const there = house();

const events = (...chunks: unknown[]) => ({
  contentType: 'text/event-stream',
  body: [...chunks.map(chunk => JSON.stringify(chunk)), '[DONE]'].map(data => `data: ${data}\n\n`).join(''),
});
const answer = (content: string) => events({ choices: [{ delta: { content }, finish_reason: 'stop' }] });
type Body = {
  model: string;
  messages: { role: string; content: string }[];
  temperature?: number;
  seed?: number;
};
const bodyOf = (route: Route) => route.request().postDataJSON() as Body;
const focusOf = (page: Page) =>
  page.evaluate(
    () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent,
  );
const ask = async (page: Page, question: string) => {
  await page.getByLabel('Message').fill(question);
  await page.keyboard.press('Enter');
};

test('models that stand in the columns stay there, whatever the books tell later', async () => {
  const { page, finish } = await signedIn(there);
  const asked: string[] = [];
  await page.route('**/chat/completions', route => {
    asked.push(bodyOf(route).model);
    return route.fulfill(answer(`answer ${asked.length}`));
  });
  let most = ['simulated/openai:free', 'simulated/flaky:free'];
  let wait = 300;
  await page.route('**/analytics/query', async route => {
    await new Promise(done => setTimeout(done, wait));
    const data = most.map(model => ({ model, request_count: 9 }));
    await route.fulfill({ json: { data: { data, metadata: { truncated: false } } } });
  });
  const chosen = () =>
    page
      .getByRole('combobox', { name: /^Model \d/ })
      .evaluateAll(all => all.map(one => (one as HTMLSelectElement).value));
  await page.goto(`${there.gateway.url}/playground`);
  await page.getByLabel('Message').waitFor();
  expect(await chosen()).toEqual(most);
  await ask(page, 'one');
  await page.getByText('answer 2').waitFor();
  const first = most;
  most = ['simulated/reasoning:free', 'simulated/chat:free'];
  await page.evaluate(() => window.dispatchEvent(new Event('visibilitychange')));
  // Whoever comes back without an address finds the columns as they were, with what belongs to them.
  const nav = page.getByRole('navigation', { name: 'Main' });
  await nav.getByRole('link', { name: 'Privacy' }).click();
  await page.getByRole('heading', { level: 1, name: 'Privacy' }).waitFor();
  await nav.getByRole('link', { name: 'Playground' }).click();
  await page.getByText('answer 2').waitFor();
  await ask(page, 'two');
  await page.getByText('answer 4').waitFor();
  expect(await chosen()).toEqual(first);
  expect(asked).toEqual([...first, ...first]);
  expect(new URL(page.url()).searchParams.get('models')).toBe(first.join(','));
  // Where the books are slow, others stand there, and stay as well.
  wait = 4_000;
  await page.goto(`${there.gateway.url}/playground`);
  await page.getByLabel('Message').waitFor();
  const others = await chosen();
  await page.waitForTimeout(3_000);
  expect(await chosen()).toEqual(others);
  await finish();
});

test('a question that is asked otherwise takes back what is still asked after it', async () => {
  const { page, finish } = await signedIn(there);
  let times = 0;
  await page.route('**/chat/completions', route => {
    times++;
    // The second one is never answered.
    return times === 2 ? undefined : route.fulfill(answer(`answer ${times}`));
  });
  await page.goto(`${there.gateway.url}/playground?models=simulated/chat:free`);
  await ask(page, 'one');
  await page.getByText('answer 1').waitFor();
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  const gone = page.waitForEvent('requestfailed');
  await ask(page, 'two');
  await page.getByRole('button', { name: 'Stop simulated/chat:free' }).waitFor();
  await page.getByRole('button', { name: 'Ask this instead' }).click();
  expect((await gone).url()).toContain('/chat/completions');
  await page.getByText('answer 3').waitFor();
  await finish();
});

test('the record of an answer is linked where there is one', async () => {
  const { page, problems, context } = await signedIn(there);
  await page.goto(`${there.gateway.url}/playground?models=nobody/knows,simulated/chat:free`);
  await ask(page, 'Hello');
  await page
    .getByRole('article', { name: 'simulated/chat:free' })
    .getByRole('link', { name: 'Log' })
    .waitFor();
  const refused = page.getByRole('article', { name: 'nobody/knows' });
  await refused.getByRole('alert').waitFor();
  await page.waitForTimeout(2_000);
  expect(await refused.getByRole('link', { name: 'Log' }).count()).toBe(0);
  expect(problems.every(one => one.includes('400'))).toBe(true);
  await context.close();
});

test('images of an answer are shown, and what is not shown is told', async () => {
  const { page, finish } = await signedIn(there);
  const pixel =
    'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const images = ['https://example.org/made.png', pixel].map(url => ({
    type: 'image_url',
    image_url: { url },
  }));
  await page.route('**/chat/completions', route =>
    route.fulfill(
      events({ choices: [{ delta: { images, audio: { data: 'AAAA', transcript: 'As said' } } }] }),
    ),
  );
  await page.goto(`${there.gateway.url}/playground?models=simulated/chat:free`);
  await ask(page, 'Draw');
  const image = page.getByRole('img', { name: 'Image 2, made by simulated/chat:free' });
  await image.waitFor();
  expect(await image.evaluate(one => (one as HTMLImageElement).naturalWidth)).toBe(1);
  await page.getByRole('link', { name: 'Image 1, made by simulated/chat:free, at example.org' }).waitFor();
  await page.getByText('As said').waitFor();
  await page.getByText('It came as sound as well').waitFor();
  await page.getByText('The answer is there').waitFor({ state: 'attached' });
  expect(await violations(page)).toEqual([]);
  await finish();
});

test('a blind comparison is decided between the answers that are there', async () => {
  const { page, problems, context } = await signedIn(there);
  const fails = ['simulated/openai:free'];
  await page.route('**/chat/completions', route =>
    fails.includes(bodyOf(route).model)
      ? route.fulfill({ status: 502, json: { error: { code: 502, message: 'It broke' } } })
      : route.fulfill(answer('An answer')),
  );
  await page.goto(
    `${there.gateway.url}/playground?models=simulated/chat:free,simulated/openai:free,simulated/flaky:free&blind=true`,
  );
  await ask(page, 'Who?');
  await expect.poll(() => page.getByText('An answer').count()).toBe(2);
  const choices = page.getByRole('group', { name: 'Which answer is the best?' }).getByRole('button');
  const enabled = await Promise.all((await choices.all()).map(one => one.isEnabled()));
  expect(enabled.filter(Boolean)).toHaveLength(3);
  await choices.nth(enabled.indexOf(true)).click();
  await page.getByText(/^You chose simulated/).waitFor();
  await page.getByRole('button', { name: 'Votes' }).click();
  await expect
    .poll(() => page.getByRole('table', { name: 'Votes by pair of models' }).getByRole('row').count())
    .toBe(2);
  await page.keyboard.press('Escape');
  fails.push('simulated/flaky:free');
  await ask(page, 'And now?');
  await page.getByRole('button', { name: 'Tell whose they are' }).click();
  await page.getByText('There was nothing to compare.').waitFor();
  expect(problems.every(one => one.includes('502'))).toBe(true);
  await context.close();
});

test('a question of any length stays on the screen', async () => {
  const { page, finish } = await signedIn(there);
  await page.route('**/chat/completions', route => route.fulfill(answer('Yes')));
  await page.goto(`${there.gateway.url}/playground?models=simulated/chat:free`);
  await ask(page, `Read https://example.org/${'long/'.repeat(80)}`);
  await page.getByText('Yes', { exact: true }).waitFor();
  for (const width of [320, 360, 768]) {
    await page.setViewportSize({ width, height: 860 });
    for (const name of ['Edit', 'Send']) {
      const box = await page.getByRole('button', { name, exact: true }).boundingBox();
      expect((box?.x ?? 999) + (box?.width ?? 0), `${name} at ${width}`).toBeLessThanOrEqual(width);
    }
    const conversation = page.getByRole('region', { name: 'Conversation' });
    expect(await conversation.evaluate(one => one.scrollWidth - one.clientWidth)).toBeLessThanOrEqual(0);
  }
  await finish();
});

test('settings of any length are there after a reload, and a link says that it lacks them', async () => {
  const { page, finish } = await signedIn(there);
  let asked: Body | undefined;
  await page.route('**/chat/completions', route => {
    asked = bodyOf(route);
    return route.fulfill(answer('Yes'));
  });
  const system = 'Answer as a station master would. '.repeat(4_000);
  await page.goto(`${there.gateway.url}/playground?models=simulated/chat:free`);
  await page.getByRole('button', { name: 'Parameters' }).click();
  await page.getByLabel('System prompt').fill(system);
  await page.getByRole('button', { name: 'Use', exact: true }).click();
  await page.getByRole('button', { name: 'Parameters (1)' }).waitFor();
  expect(page.url().length).toBeLessThan(2_000);
  await page.reload();
  await page.getByRole('button', { name: 'Parameters (1)' }).waitFor();
  await ask(page, 'x'.repeat(5_000));
  await page.getByText('Yes', { exact: true }).waitFor();
  expect(asked?.messages[0]?.content).toBe(system.trim());
  await page.getByRole('button', { name: 'Copy link' }).click();
  await page.getByText('The link lacks the parameters and the question').waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect([...new URL(link).searchParams.keys()]).toEqual(['models']);
  await finish();
});

test('what is typed for one column is kept while another is looked at', async () => {
  const { page, finish } = await signedIn(there);
  const asked: Body[] = [];
  await page.route('**/chat/completions', route => {
    asked.push(bodyOf(route));
    return route.fulfill(answer(`answer ${asked.length}`));
  });
  await page.goto(`${there.gateway.url}/playground?models=simulated/chat:free,simulated/openai:free`);
  await page.getByRole('button', { name: 'Parameters' }).click();
  const dialog = page.getByRole('dialog');
  const column = dialog.getByLabel('For', { exact: true });
  await dialog.getByLabel('Seed').fill('7');
  await column.selectOption('1');
  await dialog.getByLabel('Temperature').fill('9');
  // What may not be is not left behind.
  await column.selectOption('common');
  expect(await column.inputValue()).toBe('1');
  await dialog.getByLabel('Temperature').fill('0.5');
  await column.selectOption('common');
  expect(await dialog.getByLabel('Seed').inputValue()).toBe('7');
  await dialog.getByRole('button', { name: 'Use', exact: true }).click();
  await ask(page, 'Hello');
  await page.getByText('answer 2').waitFor();
  expect(asked.map(one => [one.seed, one.temperature])).toEqual([
    [7, undefined],
    [7, 0.5],
  ]);
  await finish();
});

test('whoever goes by keys is never nowhere', async () => {
  const { page, finish } = await signedIn(there);
  let times = 0;
  await page.route('**/chat/completions', route => route.fulfill(answer(`answer ${++times}`)));
  await page.goto(`${there.gateway.url}/playground?models=simulated/chat:free,simulated/openai:free`);
  await page.getByLabel('Message').fill('Hello');
  await page.getByRole('button', { name: 'Send' }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('answer 2').waitFor();
  expect(await focusOf(page)).toBe('Message');
  await page.getByRole('button', { name: 'Ask simulated/chat:free again' }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('answer 3').waitFor();
  expect(await focusOf(page)).toBe('Ask simulated/chat:free again');
  await page.getByText('2 of 2 answers are there').waitFor({ state: 'attached' });
  await page.getByRole('button', { name: 'Edit', exact: true }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Cancel' }).focus();
  await page.keyboard.press('Enter');
  await expect.poll(() => focusOf(page)).toBe('Edit');
  await page.getByRole('button', { name: 'Remove simulated/chat:free' }).focus();
  await page.keyboard.press('Enter');
  await expect.poll(() => focusOf(page)).toBe('Model 1');
  await finish();
});

test('Arabic is read from the right, and a wide table is reached by keys', async () => {
  const { page, finish } = await signedIn(there);
  const content = `مرحبا بك\n\nHello\n\n|${'a wide column|'.repeat(12)}\n|${'-|'.repeat(12)}\n|${'1|'.repeat(12)}`;
  await page.route('**/chat/completions', route => route.fulfill(answer(content)));
  await page.goto(`${there.gateway.url}/playground?models=simulated/chat:free`);
  await ask(page, 'ما هذا؟');
  const side = (text: string) =>
    page.getByText(text, { exact: true }).evaluate(one => getComputedStyle(one).direction);
  await page.getByText('مرحبا بك').waitFor();
  expect([await side('ما هذا؟'), await side('مرحبا بك'), await side('Hello')]).toEqual(['rtl', 'rtl', 'ltr']);
  const table = page.getByRole('region', { name: /^Table: a wide column/ });
  await table.focus();
  expect(await table.evaluate(one => one === document.activeElement)).toBe(true);
  expect(await violations(page)).toEqual([]);
  await finish();
});
