import { expect, test } from 'vitest';
import { packSettings } from '../src/chat/settings';
import { violations } from './browser';
import { OWNER } from './gateway';
import { house, signedIn } from './house';

const there = house();

test('two models answer side by side, with route, tokens, speed and cost', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/playground?models=simulated/chat:free,simulated/reasoning:free`);
  await page.getByRole('button', { name: 'Parameters' }).click();
  await page.getByLabel('Reasoning', { exact: true }).selectOption('high');
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Use', exact: true }).click();
  await page.getByRole('button', { name: 'Parameters (1)' }).waitFor();
  await page.getByLabel('Message').fill('What does a gateway do?');
  const asked = page.waitForRequest('**/chat/completions');
  await page.keyboard.press('Enter');
  // All that is asked here is one application's in the books.
  expect((await asked).headers()['x-title']).toBe('Trunkline playground');
  const answer = page.getByRole('article', { name: 'simulated/chat:free' });
  await answer.getByText(/first token/).waitFor();
  await answer.getByText('free', { exact: true }).waitFor();
  await answer.getByText(/\d+ in, \d+ out/).waitFor();
  await answer.getByRole('img', { name: /^Simulated .* 200$/ }).waitFor();
  await page
    .getByRole('article', { name: 'simulated/reasoning:free' })
    .getByText('Reasoning', { exact: false })
    .first()
    .waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Ask simulated/chat:free again' }).click();
  await answer.getByText('free', { exact: true }).waitFor();
  await page.keyboard.press('Alt+1');
  await expect.poll(() => page.getByRole('article').count()).toBe(1);
  await page.keyboard.press('Alt+1');
  await page.getByRole('button', { name: 'As code' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Python' }).click();
  await page.getByRole('dialog').getByText('What does a gateway do?').waitFor();
  expect(await violations(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await answer.getByRole('link', { name: 'Log' }).click();
  await page.getByRole('complementary', { name: 'Request detail' }).waitFor();
  await finish();
});

test('one column fails in its place, and the other goes on', async () => {
  const { page, problems, context } = await signedIn(there);
  await page.goto(`${there.gateway.url}/playground?models=simulated/chat:free,nobody/knows`);
  await page.getByLabel('Message').fill('Say this back');
  await page.keyboard.press('Enter');
  await page.getByRole('article', { name: 'nobody/knows' }).getByRole('alert').waitFor();
  await page
    .getByRole('article', { name: 'simulated/chat:free' })
    .getByText(/first token/)
    .waitFor();
  expect(await violations(page)).toEqual([]);
  expect(problems.every(one => one.includes('400'))).toBe(true);
  await context.close();
});

test('a question that a limit refuses leads to the limit', async () => {
  const { page, finish, problems } = await signedIn(there);
  // Simulated models are free: no limit refuses them.
  await page.route('**/api/v1/chat/completions', route =>
    route.fulfill({
      status: 403,
      json: {
        error: {
          code: 403,
          message: 'Member limit exceeded (daily limit of $2.50)',
          metadata: { error_type: 'permission_denied', limit: { scope: 'member', interval: 'daily' } },
        },
      },
    }),
  );
  await page.goto(`${there.gateway.url}/playground?models=simulated/chat:free`);
  await page.getByLabel('Message').fill('Hello?');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').getByText('Member limit exceeded').waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('link', { name: 'See your limits' }).click();
  await page.getByRole('heading', { level: 1, name: 'Members' }).waitFor();
  problems.splice(0, problems.length, ...problems.filter(one => !one.includes('403')));
  await finish();
});

test('one answer is stopped, or all of them', async () => {
  const { page, finish } = await signedIn(there);
  // Nobody ever answers, so that there is something to stop.
  await page.route('**/chat/completions', () => {});
  await page.goto(`${there.gateway.url}/playground?models=simulated/chat:free,simulated/flaky:free`);
  await page.getByLabel('Message').fill('Wait for it');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Stop simulated/chat:free' }).click();
  const first = page.getByRole('article', { name: 'simulated/chat:free' });
  const second = page.getByRole('article', { name: 'simulated/flaky:free' });
  await first.getByText('stopped').waitFor();
  expect(await second.getAttribute('aria-busy')).toBe('true');
  await page.keyboard.press('Escape');
  await second.getByText('stopped').waitFor();
  await page.getByRole('button', { name: 'Send' }).waitFor();
  await finish();
});

test('the playground runs on the session, as a key of its own that is listed', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/playground?models=simulated/chat:free`);
  await page.getByLabel('Message').fill('Hello');
  await page.keyboard.press('Enter');
  await page
    .getByRole('article', { name: 'simulated/chat:free' })
    .getByText(/first token/)
    .waitFor();
  expect(
    await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie])),
  ).not.toMatch(/sk-or-v1|trunkline_session/);
  await page.goto(`${there.gateway.url}/keys`);
  const row = page.getByRole('row').filter({ hasText: 'Playground' });
  await row.getByText('made by the playground').waitFor();
  await row.getByText('Ada King').waitFor();
  expect(await row.getByRole('button', { name: 'Rotate Playground' }).isDisabled()).toBe(true);
  await finish();
});

test('models are compared blind, and votes are kept by pair', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(
    `${there.gateway.url}/playground?models=simulated/chat:free,simulated/openai:free&blind=true`,
  );
  await page.getByLabel('Message').fill('Which one are you?');
  await page.keyboard.press('Enter');
  const answer = page.getByRole('article', { name: 'Answer A' });
  await answer.waitFor();
  // The answers are simulated and say so; whose they are is said by nothing.
  expect(
    await page
      .getByRole('article')
      .getByText(/simulated\/|Simulated (OpenAI|Anthropic)/)
      .count(),
  ).toBe(0);
  const choose = page.getByRole('button', { name: 'A', exact: true });
  await expect.poll(() => choose.isEnabled()).toBe(true);
  expect(await violations(page)).toEqual([]);
  await choose.click();
  await page.getByText(/^You chose simulated/).waitFor();
  await page.getByRole('button', { name: 'Votes' }).click();
  await page.getByRole('table', { name: 'Votes by pair of models' }).waitFor();
  await page.getByText('Kept in this browser only').waitFor();
  expect(await violations(page)).toEqual([]);
  await finish();
});

test('a question is asked otherwise, with a file, and by a link again', async () => {
  const { page, finish } = await signedIn(there);
  await page.goto(`${there.gateway.url}/playground?models=simulated/chat:free,simulated/openai:free`);
  await page.getByRole('button', { name: 'Parameters' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('For', { exact: true }).selectOption('1');
  await dialog.getByLabel('Temperature').fill('0.5');
  await dialog.getByRole('button', { name: 'Use', exact: true }).click();
  await page.getByLabel('Files to attach').setInputFiles({
    name: 'notes.txt',
    mimeType: 'text/plain',
    buffer: Buffer.from('remember the milk'),
  });
  await page.getByText('notes.txt').waitFor();
  await page.getByLabel('Message').fill('What is in there?');
  await page.keyboard.press('Enter');
  const second = page.getByRole('article', { name: 'simulated/openai:free' });
  await second.getByRole('button', { name: 'Raw' }).click();
  await dialog.getByText('remember the milk').waitFor();
  await dialog.getByText('"temperature": 0.5').waitFor();
  expect(await violations(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await expect.poll(() => page.getByRole('button', { name: 'Edit', exact: true }).isEnabled()).toBe(true);
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await page.getByLabel('Question', { exact: true }).fill('What is not in there?');
  await page.getByRole('button', { name: 'Ask this instead' }).click();
  await expect.poll(() => page.getByText('What is in there?').count()).toBe(0);
  await second.getByText(/first token/).waitFor();
  await page.getByRole('button', { name: 'Copy link' }).click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  await page.goto(link);
  await page.getByRole('button', { name: 'Parameters (1)' }).waitFor();
  expect(await page.getByLabel('Message').inputValue()).toBe('What is not in there?');
  await finish();
});

test('the same model in two columns has a conversation in each, and settings go with their column', async () => {
  const { page, finish } = await signedIn(there);
  const asked: { messages: { role: string; content: string }[]; seed?: number }[] = [];
  await page.route('**/chat/completions', route => {
    asked.push(route.request().postDataJSON());
    const chunk = { choices: [{ delta: { content: `answer ${asked.length}` }, finish_reason: 'stop' }] };
    return route.fulfill({
      contentType: 'text/event-stream',
      body: `data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`,
    });
  });
  const set = packSettings({ common: {}, own: { 1: { seed: 5 } } });
  await page.goto(
    `${there.gateway.url}/playground?models=simulated/chat:free,simulated/chat:free&set=${set}`,
  );
  const ask = async (question: string, answers: number) => {
    await page.getByLabel('Message').fill(question);
    await page.keyboard.press('Enter');
    await page.getByText(`answer ${answers}`, { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Send' }).waitFor();
  };
  const own = (request: number) =>
    asked[request]?.messages.filter(one => one.role === 'assistant').map(one => one.content);
  await ask('one', 2);
  await ask('two', 4);
  expect([own(2), own(3)]).toEqual([['answer 1'], ['answer 2']]);
  await page.getByRole('button', { name: 'Remove simulated/chat:free' }).first().click();
  await expect.poll(() => page.getByLabel('Model 2').count()).toBe(0);
  await ask('three', 5);
  expect(own(4)).toEqual(['answer 2', 'answer 4']);
  expect(asked.map(one => one.seed)).toEqual([undefined, 5, undefined, 5, 5]);
  await finish();
});

test('code can be read in both themes', async () => {
  const { page, finish } = await signedIn(there);
  const code =
    'const answer = { "key": 42, word: `text`, ok: true };\n// said\nfunction tell(one: Answer) { return /x/.test("y"); }';
  const content = `\`\`\`typescript\n${code}\n\`\`\`\n\n\`\`\`yaml\nname: 5\n\`\`\`\n\n\`\`\`json\n{"a": 1}\n\`\`\``;
  await page.route('**/chat/completions', route =>
    route.fulfill({
      contentType: 'text/event-stream',
      body: `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\ndata: [DONE]\n\n`,
    }),
  );
  await page.goto(`${there.gateway.url}/playground?models=simulated/chat:free`);
  await page.getByLabel('Message').fill('Write code');
  await page.keyboard.press('Enter');
  await page.locator('.hljs-number').first().waitFor();
  await page.locator('.hljs-attr').first().waitFor();
  for (const theme of ['light', 'dark']) {
    await page.evaluate(chosen => {
      document.documentElement.dataset.theme = chosen;
    }, theme);
    expect(await violations(page), theme).toEqual([]);
  }
  await finish();
});

test('what an answer has stays in its column, however long it is', async () => {
  const { page, finish } = await signedIn(there);
  const content = `${'y'.repeat(300)}\n\n\`\`\`\n${'x'.repeat(300)}\n\`\`\`\n\n- ${'z'.repeat(300)}`;
  await page.route('**/chat/completions', route =>
    route.fulfill({
      contentType: 'text/event-stream',
      body: `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\ndata: [DONE]\n\n`,
    }),
  );
  for (const models of ['simulated/chat:free,simulated/openai:free', 'simulated/chat:free']) {
    await page.goto(`${there.gateway.url}/playground?models=${models}`);
    await page.getByLabel('Message').fill('Write on');
    await page.keyboard.press('Enter');
    const answer = page.getByRole('article', { name: 'simulated/chat:free' });
    await answer.locator('pre').waitFor();
    for (const width of [360, 1024]) {
      await page.setViewportSize({ width, height: 860 });
      const beyond = await answer.evaluate(article => {
        const edge = article.getBoundingClientRect().right + 1;
        return [...article.querySelectorAll('pre, p, li')].filter(
          one =>
            one.getBoundingClientRect().right > edge ||
            (one.tagName !== 'PRE' && one.scrollWidth > one.clientWidth + 1),
        ).length;
      });
      expect(beyond, `${models} at ${width}`).toBe(0);
    }
  }
  await finish();
});

test('a conversation is there again after a look elsewhere and a new sign-in, and gone after signing out', async () => {
  const { page, context, finish, problems } = await signedIn(there);
  await page.goto(`${there.gateway.url}/playground?models=simulated/chat:free`);
  await page.getByLabel('Message').fill('Still there?');
  await page.keyboard.press('Enter');
  const answer = page.getByRole('article', { name: 'simulated/chat:free' });
  await answer.getByText(/first token/).waitFor();
  await answer.getByRole('link', { name: 'Log' }).click();
  await page.getByRole('complementary', { name: 'Request detail' }).waitFor();
  await page.goBack();
  await answer.getByText(/first token/).waitFor();
  const signIn = async () => {
    await page.getByLabel('Mail address').fill(OWNER.email);
    await page.getByLabel('Password').fill(OWNER.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Playground' }).waitFor();
  };
  await context.clearCookies();
  await page.getByLabel('Message').fill('And now?');
  await page.keyboard.press('Enter');
  await signIn();
  await answer
    .first()
    .getByText(/first token/)
    .waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn();
  await page.getByText('Ask, and see what it takes.').waitFor();
  expect(await answer.count()).toBe(0);
  problems.splice(0, problems.length, ...problems.filter(one => !one.includes('401')));
  await finish();
});
