// Pictures of every page in both themes, wide and narrow, for the eye:
//   TRUNKLINE_URL=… TRUNKLINE_KEY=<management key> [INFERENCE_KEY=…] node scripts/shoot.mjs [page …]
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';

const { TRUNKLINE_KEY, INFERENCE_KEY, SITE = 'http://127.0.0.1:4173', OUT = 'shots' } = process.env;
const PAGES = {
  overview: '/',
  models: '/models',
  model: process.env.MODEL ?? '/models/openai/gpt-5-mini',
  playground: '/playground',
  activity: '/activity',
  logs: '/logs',
  rankings: '/rankings',
  status: '/status',
  keys: '/keys',
  'create-key': '/keys?create=true',
  workspaces: '/workspaces',
  workspace: '/workspaces/default',
  members: '/members',
  audit: '/audit',
  credits: '/credits',
  settings: '/settings',
  consent:
    '/auth?callback_url=https://app.example/back&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&key_label=Notes&limit=5',
};
const wanted = process.argv.slice(2);
mkdirSync(OUT, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
for (const [name, path] of Object.entries(PAGES)) {
  if (wanted.length && !wanted.includes(name)) continue;
  for (const theme of (process.env.THEMES ?? 'light,dark').split(',')) {
    for (const [kind, viewport] of Object.entries({
      wide: { width: 1360, height: 860 },
      narrow: { width: 390, height: 844 },
    })) {
      const page = await browser.newPage({ viewport });
      page.on('console', message => message.type() === 'error' && console.log(name, kind, message.text()));
      page.on('pageerror', error => console.log(name, kind, error.message));
      await page.addInitScript(
        ([key, inference, chosen]) => {
          localStorage.setItem('theme', chosen);
          sessionStorage.setItem('trunkline.management-key', key);
          sessionStorage.setItem('trunkline.management-label', 'sk-or-v1-3fa...9c21');
          if (inference) sessionStorage.setItem('trunkline.inference-key', inference);
        },
        [TRUNKLINE_KEY, INFERENCE_KEY, theme],
      );
      await page.goto(SITE + path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForTimeout(900);
      await page.screenshot({ path: `${OUT}/${name}-${kind}-${theme}.png` });
      await page.close();
    }
  }
}
await browser.close();
