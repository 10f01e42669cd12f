import { expect, test } from 'vitest';
import { settle } from './browser';
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
