// Pictures of every page in both themes, wide and narrow, for the eye:
//   TRUNKLINE_URL=… EMAIL=… PASSWORD=… node scripts/shoot.mjs [page …]
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';

const { EMAIL, PASSWORD, OUT = 'shots' } = process.env;
const SITE = (process.env.TRUNKLINE_URL ?? 'http://127.0.0.1:8080').replace(/\/$/, '');
const PAGES = {
  overview: '/',
  models: '/models',
  model: `/models/${process.env.MODEL ?? 'simulated/chat:free'}`,
  playground: '/playground',
  activity: '/activity',
  logs: '/logs',
  rankings: '/rankings',
  status: '/status',
  keys: '/keys',
  'create-key': '/keys?create=true',
  'management-keys': '/keys?kind=management',
  byok: '/byok',
  'add-credential': '/byok?add=openai',
  workspaces: '/workspaces',
  workspace: '/workspaces/default',
  members: '/members',
  privacy: '/privacy',
  audit: '/audit',
  credits: '/credits',
  profile: '/profile',
  settings: '/settings',
  consent:
    '/auth?callback_url=https://app.example/back&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&key_label=Notes&limit=5',
  'sign-in': '/logs',
  invite: '/invite',
  'dead-link': '/invite/old',
};
/** What is seen by those who are not signed in. */
const OUTSIDE = ['sign-in', 'invite', 'dead-link'];

const wanted = process.argv.slice(2);
mkdirSync(OUT, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
const inside = await browser.newContext();
const signedIn = await inside.request.post(`${SITE}/api/internal/login`, {
  headers: { 'x-trunkline-request': '1' },
  data: { email: EMAIL, password: PASSWORD },
});
if (!signedIn.ok()) throw new Error(`Signing in: ${signedIn.status()} ${await signedIn.text()}`);
const outside = await browser.newContext();
for (const [name, path] of Object.entries(PAGES)) {
  if (wanted.length && !wanted.includes(name)) continue;
  for (const theme of (process.env.THEMES ?? 'light,dark').split(',')) {
    for (const [kind, viewport] of Object.entries({
      wide: { width: 1360, height: 860 },
      narrow: { width: 390, height: 844 },
    })) {
      const page = await (OUTSIDE.includes(name) ? outside : inside).newPage();
      await page.setViewportSize(viewport);
      page.on('console', message => message.type() === 'error' && console.log(name, kind, message.text()));
      page.on('pageerror', error => console.log(name, kind, error.message));
      await page.addInitScript(chosen => localStorage.setItem('theme', chosen), theme);
      await page.goto(SITE + path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForTimeout(900);
      await page.screenshot({ path: `${OUT}/${name}-${kind}-${theme}.png` });
      await page.close();
    }
  }
}
await browser.close();
