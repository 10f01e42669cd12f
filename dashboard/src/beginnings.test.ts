import { QueryClient } from '@tanstack/react-query';
import { expect, test, vi } from 'vitest';
import { activityBegins, begin, logsBegin, overviewBegins } from './beginnings';

const keysOf = (asks: ReturnType<typeof overviewBegins>) => {
  const client = new QueryClient();
  return asks.map(ask => JSON.stringify(ask(client).key));
};

test('what a page asks first is asked once', () => {
  const fetch = vi.fn(() => new Promise<Response>(() => {}));
  vi.stubGlobal('fetch', fetch);
  const client = new QueryClient();
  begin(client, logsBegin({}));
  expect(client.isFetching()).toBe(2);
  begin(client, logsBegin({ id: 'gen-1' }));
  expect(client.isFetching()).toBe(2);
  begin(client, logsBegin({ status: 'failed' }));
  expect(client.isFetching()).toBe(4);
  vi.unstubAllGlobals();
});

test('nothing is asked that the page may ask otherwise', () => {
  expect(logsBegin({ range: '1h' })).toEqual([]);
  expect(activityBegins({ by: 'app' })).toEqual([]);
  expect(activityBegins({ metric: 'request_count' })).toEqual([]);
  expect(keysOf(activityBegins({ where: ['model:a/b'] }))[0]).toContain('"value":"a/b"');
  expect(keysOf(overviewBegins({ range: '7d' })).join()).toContain('"7d"');
});
