import { expect, test } from 'vitest';
import { forgetWith, type Session, sessionNow, setSession } from './session';

const session = (id: string) => ({ member: { id } }) as Session;

test('what one person saw is forgotten before the next one is here, and not when the same comes back', () => {
  const seen: unknown[] = [];
  forgetWith(() => seen.push(sessionNow()?.member.id ?? 'nobody'));
  setSession(session('ada'));
  setSession(null);
  setSession(session('ada'));
  expect(seen).toEqual([]);
  setSession(null);
  setSession(session('bo'));
  expect(seen).toEqual(['nobody']);
  setSession(session('cy'));
  expect(seen).toEqual(['nobody', 'bo']);
});
