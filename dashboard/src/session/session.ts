/** Who is at the dashboard, and how requests say so. Nothing else knows: when the server has
    sessions of its own, cookies take the place of the key here and pages stay as they are.

    Until then a management key is pasted at sign-in. It lives in sessionStorage: it is gone with the
    tab, and no other tab sees it. Models cannot be asked with a management key, so that the
    playground has an ordinary one beside it, kept the same way. */
import { useSyncExternalStore } from 'react';

export type Session = { label: string };

const MANAGEMENT = 'trunkline.management-key';
const LABEL = 'trunkline.management-label';
const INFERENCE = 'trunkline.inference-key';
const listeners = new Set<() => void>();
const changed = () => {
  for (const listener of listeners) listener();
};
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

export const isSignedIn = () => sessionStorage.getItem(MANAGEMENT) !== null;

export const useSession = (): Session | null => {
  const label = useSyncExternalStore(subscribe, () => (isSignedIn() ? sessionStorage.getItem(LABEL) : null));
  return label === null ? null : { label };
};

export function signIn(key: string, label: string) {
  sessionStorage.setItem(MANAGEMENT, key);
  sessionStorage.setItem(LABEL, label);
  changed();
}

export function signOut() {
  for (const item of [MANAGEMENT, LABEL, INFERENCE]) sessionStorage.removeItem(item);
  changed();
}

/** Says who asks. `as` is a key that is not the session's: at sign-in, and to ask models. */
export function authorize(headers: Headers, as?: string) {
  const key = as ?? sessionStorage.getItem(MANAGEMENT);
  if (key) headers.set('authorization', `Bearer ${key}`);
}

export const inferenceKey = () => sessionStorage.getItem(INFERENCE);
export const useInferenceKey = () => useSyncExternalStore(subscribe, inferenceKey);
export function setInferenceKey(key: string | null) {
  if (key === null) sessionStorage.removeItem(INFERENCE);
  else sessionStorage.setItem(INFERENCE, key);
  changed();
}
