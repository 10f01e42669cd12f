import { beforeEach, expect, it, vi } from 'vitest';
import { type Session, sessionNow, setSession } from '../session/session';
import { ApiError, at, errorOf, send } from './client';

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
it('requests say that they are the dashboard’s own, and the session ends when it is refused', async () => {
  setSession({ member: { id: 'm', email: 'a@b', name: null, role: 'owner' } } as Session);
  const seen: (string | null)[] = [];
  let status = 403;
  vi.stubGlobal('fetch', async (request: Request) => {
    seen.push(request.headers.get('x-trunkline-request'));
    return new Response('{}', { status });
  });
  await expect(send('http://localhost:3000/x')).rejects.toBeInstanceOf(ApiError);
  expect(sessionNow()).not.toBeNull();
  status = 401;
  await expect(send('http://localhost:3000/x')).rejects.toBeInstanceOf(ApiError);
  expect(sessionNow()).toBeNull();
  expect(seen).toEqual(['1', '1']);
  vi.unstubAllGlobals();
});
