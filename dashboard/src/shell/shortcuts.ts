import { useEffect, useRef } from 'react';

const OFF = 'single-letter-keys';
export const areLettersOn = () => localStorage.getItem(OFF) !== 'off';
export const setLettersOn = (on: boolean) =>
  on ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, 'off');

const isTyping = (event: KeyboardEvent) =>
  event.target instanceof Element &&
  event.target.closest('input, textarea, select, [contenteditable], dialog') !== null;

/** Keys of a page. Single letters never fire in a field or a dialog, and can be switched off. */
export function useKeys(keys: Record<string, (event: KeyboardEvent) => void>) {
  const current = useRef(keys);
  current.current = keys;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      if (event.key.length === 1 && !areLettersOn()) return;
      current.current[event.key]?.(event);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}

/** Two letters after each other: `g` and where to. */
export function useSequence(first: string, then: Record<string, () => void>) {
  const until = useRef(0);
  const current = useRef(then);
  current.current = then;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event) || !areLettersOn()) return;
      if (performance.now() < until.current && current.current[event.key]) {
        until.current = 0;
        // Nothing else hears the second letter: on its own it may mean something.
        event.stopImmediatePropagation();
        event.preventDefault();
        current.current[event.key]?.();
      } else until.current = event.key === first ? performance.now() + 1500 : 0;
    };
    addEventListener('keydown', onKey, true);
    return () => removeEventListener('keydown', onKey, true);
  }, [first]);
}

export const focusFilter = (event: KeyboardEvent) => {
  const filter = document.querySelector<HTMLElement>('main [type="search"], main [data-filter]');
  if (!filter) return;
  event.preventDefault();
  filter.focus();
};
