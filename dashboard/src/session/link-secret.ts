/** What is secret in a link for setting up, joining or a new password. It stands behind the `#`, which
    browsers send to no server, and leaves the address bar as soon as it is read: no history, picture of
    the screen or later page has it. */
import { useSyncExternalStore } from 'react';

let secret = '';
const listeners = new Set<() => void>();

/** What stands behind the `#`, with the name that set-up links give it or without. */
export const secretIn = (hash: string) => hash.replace(/^#/, '').replace(/^code=/, '');

const isLink = () => /\/(setup|invite|reset)\/?$/.test(location.pathname);

function take() {
  const found = secretIn(location.hash);
  if (!found || !isLink()) return;
  secret = found;
  history.replaceState(history.state, '', location.pathname + location.search);
  for (const listener of listeners) listener();
}

/** Reads it now, before the router remembers the address, and again when another link is opened in the
    same tab. */
export function takeSecret() {
  take();
  addEventListener('hashchange', take);
}

/** Forgets it: it was good once. */
export function forgetSecret() {
  secret = '';
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};
/** The secret of the link that was opened last; empty after the page was loaded anew. */
export const useSecret = () => useSyncExternalStore(subscribe, () => secret);
