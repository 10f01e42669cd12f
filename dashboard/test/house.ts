import type { Browser } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { launch, open } from './browser';
import { type Gateway, makeTraffic, startGateway } from './gateway';

/** A gateway that had traffic, and a browser: one of each for the tests of a file. */
export function house() {
  const there = {} as { gateway: Gateway; browser: Browser };
  beforeAll(async () => {
    there.gateway = await startGateway();
    [there.browser] = await Promise.all([launch(), makeTraffic(there.gateway)]);
  });
  afterAll(async () => {
    await there.browser?.close();
    there.gateway?.stop();
  });
  return there;
}

/** A page of somebody who is signed in. */
export const signedIn = ({ gateway, browser }: ReturnType<typeof house>) =>
  open(browser, gateway.url, { session: gateway.session });
