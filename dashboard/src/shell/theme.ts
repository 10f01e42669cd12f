import { useSyncExternalStore } from 'react';

export type Theme = 'light' | 'dark';

const subscribe = (listener: () => void) => {
  addEventListener('themechange', listener);
  return () => removeEventListener('themechange', listener);
};
export const useTheme = () =>
  useSyncExternalStore(subscribe, () => (document.documentElement.dataset.theme ?? 'light') as Theme);

/** Charts draw anew on the event, since a canvas does not follow style sheets. */
export function setTheme(theme: Theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem('theme', theme);
  dispatchEvent(new Event('themechange'));
}
