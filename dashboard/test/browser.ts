import { readFileSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

const AXE = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });

type Options = {
  /** Whose session it is: the value of its cookie. */
  session?: string;
  theme?: 'light' | 'dark';
  width?: number;
};
export type Opened = { page: Page; context: BrowserContext; problems: string[]; finish: () => Promise<void> };

/** A page of its own, signed in if a session is given. It keeps what must not happen: messages of errors on
    the console, and requests to any other host. */
export async function open(browser: Browser, site: string, options: Options = {}): Promise<Opened> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1360, height: 860 },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  const problems: string[] = [];
  const { host } = new URL(site);
  page.on('pageerror', error => problems.push(`error: ${error.message}`));
  page.on('console', message => {
    if (message.type() === 'error') problems.push(`console: ${message.text()}`);
  });
  page.on('request', request => {
    const url = new URL(request.url());
    if (!['data:', 'blob:'].includes(url.protocol) && url.host !== host)
      problems.push(`foreign: ${request.url()}`);
  });
  if (options.session) {
    const { pathname } = new URL(site);
    await context.addCookies([
      {
        name: 'trunkline_session',
        value: options.session,
        domain: new URL(site).hostname,
        path: `${pathname.replace(/\/$/, '')}/`,
        httpOnly: true,
        sameSite: 'Lax',
      },
    ]);
  }
  const { theme } = options;
  if (theme) await page.addInitScript(chosen => localStorage.setItem('theme', chosen), theme);
  const finish = async () => {
    await context.close();
    expect(problems).toEqual([]);
  };
  return { page, context, problems, finish };
}

/** The page is there: its heading, its fonts, and nothing loads any more. */
export async function settle(page: Page) {
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.evaluate(() => document.fonts.ready);
  await expect
    .poll(() => page.getByRole('status', { name: /^Loading/ }).count(), { timeout: 15_000 })
    .toBe(0);
}

type Axe = {
  run: (options: unknown) => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>;
};
/**
 * WCAG 2.0 to 2.2, levels A and AA. What is still fading in has less contrast than it will have, so
 * it is looked at when it has come to rest.
 */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(() =>
    Promise.allSettled(document.getAnimations().map(animation => animation.finished)),
  );
  await page.evaluate(AXE);
  const result = await page.evaluate(() =>
    (window as unknown as { axe: Axe }).axe.run({
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
    }),
  );
  return result.violations.flatMap(one => one.nodes.map(node => `${one.id}: ${node.html.slice(0, 200)}`));
}
