import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Session, sessionNow, setSession } from '../session/session';
import { type ApiError, at, errorOf, send } from './client';

beforeEach(() => {
  document.head.innerHTML = '<base href="http://localhost:3000/team/llm/">';
});

it('every address is below the base path, its query kept', () => {
  expect(at('api/v1/generation/content?id=gen-1')).toBe('/team/llm/api/v1/generation/content?id=gen-1');
});
it('a refusal names the field at fault, and only where it begins with one', async () => {
  const refusal = (message: string) =>
    errorOf(new Response(JSON.stringify({ error: { code: 400, message } }), { status: 400 }));
  expect((await refusal('limit: is below zero')).field).toBe('limit');
  expect((await refusal('filters[0].field: is unknown')).field).toBe('filters[0].field');
  expect((await refusal('Only management keys: no')).field).toBeNull();
});
it('an answer that is no JSON is an error as well', async () => {
  const error = await errorOf(new Response('<html>', { status: 502, statusText: 'Bad Gateway' }));
  expect([error.status, error.message]).toEqual([502, 'Bad Gateway']);
});
describe('a session', () => {
  const path = 'http://localhost:3000/x';
  const session = { member: { id: 'm', email: 'a@b', name: null, role: 'owner' } } as Session;
  const asked: [string, string | null][] = [];
  /** What the server answers, by what is asked. */
  let answers: { session: number[]; other: number[] };
  beforeEach(() => {
    vi.useFakeTimers();
    asked.length = 0;
    setSession(session);
    vi.stubGlobal('fetch', async (input: Request | URL) => {
      const url = input instanceof Request ? input.url : input.href;
      const isSession = url.endsWith('/api/internal/session');
      asked.push([
        isSession ? 'session' : 'other',
        input instanceof Request ? input.headers.get('x-trunkline-request') : null,
      ]);
      const status = answers[isSession ? 'session' : 'other'].shift() ?? 500;
      return new Response(JSON.stringify(session), { status });
    });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });
  const sent = async (init?: RequestInit) => {
    const result = send(path, init).then(
      response => response.status,
      (error: ApiError) => error.status,
    );
    await vi.runAllTimersAsync();
    return result;
  };

  it('is told to the server with every request, and outlives refusals', async () => {
    answers = { session: [], other: [403] };
    expect(await sent()).toBe(403);
    expect(asked).toEqual([['other', '1']]);
    expect(sessionNow()).toBe(session);
  });
  it('ends when the server says twice that there is none', async () => {
    answers = { session: [401, 401], other: [401] };
    expect(await sent()).toBe(401);
    expect(sessionNow()).toBeNull();
  });
  it('outlives a 401 of one request, which is sent again if it only reads', async () => {
    answers = { session: [200], other: [401, 200] };
    expect(await sent()).toBe(200);
    expect(sessionNow()).toBe(session);
    answers = { session: [200], other: [401, 200] };
    expect(await sent({ method: 'POST', body: '{}' })).toBe(401);
    expect(sessionNow()).toBe(session);
    expect(asked.filter(([what]) => what === 'other')).toHaveLength(3);
  });
  it('outlives a node that does not know of it yet', async () => {
    answers = { session: [401, 200], other: [401, 200] };
    expect(await sent()).toBe(200);
    expect(sessionNow()).toBe(session);
  });
  it('outlives a server that does not answer', async () => {
    answers = { session: [503], other: [401, 503] };
    expect(await sent()).toBe(503);
    expect(sessionNow()).toBe(session);
  });
  it('is asked for once, however many requests are refused', async () => {
    answers = { session: [401, 401], other: [401, 401, 401] };
    await Promise.all([sent(), sent(), sent()]);
    expect(asked.filter(([what]) => what === 'session')).toHaveLength(2);
    expect(sessionNow()).toBeNull();
  });
});
