/** Who is at the dashboard. The session is a cookie that no script sees: what is known here is what
    the server says of it, and nothing is kept in the browser. */
import { useSyncExternalStore } from 'react';

/** What a member may do, in the server's words. */
export type Ability =
  | 'keys.own'
  | 'keys.all'
  | 'activity.all'
  | 'members'
  | 'credits'
  | 'credentials'
  | 'workspaces'
  | 'privacy'
  | 'settings'
  | 'audit'
  | 'management_keys';
export type Role = 'owner' | 'admin' | 'member';
export type Session = {
  member: { id: string; email: string; name: string | null; role: Role };
  abilities: Ability[];
  expires_at: string;
  version: string;
  account: { id: string; name: string };
};

/** `undefined` until the server was asked, `null` for nobody. */
let current: Session | null | undefined;
const listeners = new Set<() => void>();
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

/** Whose what this tab knows is: while nobody is here, of the last one who was. */
let last: string | undefined;
const forgetting = new Set<() => void>();
/** What is done before somebody else sees this tab. */
export const forgetWith = (forget: () => void) => void forgetting.add(forget);
/** Forgets what is one person's, and who that was. */
export function forgetAll() {
  last = undefined;
  for (const forget of forgetting) forget();
}

export function setSession(session: Session | null) {
  if (session && last !== undefined && session.member.id !== last) forgetAll();
  last = session?.member.id ?? last;
  current = session;
  for (const listener of listeners) listener();
}

/** The tabs of this browser, which have the same cookie. */
let tabs: BroadcastChannel | undefined;
/** Somebody came or went: other tabs are told. */
export function enterAs(session: Session | null) {
  setSession(session);
  tabs?.postMessage('changed');
}
/** How long a node of several may not know yet of a session that another one began, in milliseconds. */
export const NOT_KNOWN_YET = 700;

/** Looks who is here once another tab says that this may have changed. */
export function heedOtherTabs() {
  const look = async () => {
    for (const wait of [0, NOT_KNOWN_YET]) {
      if (wait) await new Promise(done => setTimeout(done, wait));
      // A server that does not answer says nothing of the session.
      const found = await findSession().catch(() => undefined);
      if (found !== undefined) setSession(found);
      if (found) return;
    }
  };
  tabs = new BroadcastChannel('trunkline-session');
  tabs.onmessage = () => {
    if (current !== undefined) void look();
  };
}
export const sessionNow = () => current;
export const useSession = () => useSyncExternalStore(subscribe, sessionNow);

/** Whether whoever is here may do something. Pages ask before they ask the server. */
export const useAbility = (ability: Ability): boolean => useSession()?.abilities.includes(ability) ?? false;

/** Why a control cannot be used, for its tooltip; false where it can. */
export const useReason = (ability: Ability): string | false =>
  !useAbility(ability) && 'Only admins and owners can do this';

/** Says that a request is the dashboard's own: no form or link of another site can send this. */
export const mark = (headers: Headers) => headers.set('x-trunkline-request', '1');

let first: Promise<Session | null> | undefined;

/** Who is here, asked once when the dashboard is loaded: pages that have something to ask wait for it
    beside the page itself, which is still being loaded. */
export function firstSession(): Promise<Session | null> {
  first ??= findSession().catch((error: unknown) => {
    // It is asked anew.
    first = undefined;
    throw error;
  });
  return first;
}

/** Asks who is here. Nobody is an answer, not a failure. */
export async function findSession(): Promise<Session | null> {
  const response = await fetch(new URL('api/internal/session', document.baseURI));
  if (response.status === 401) return null;
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return (await response.json()) as Session;
}
