import { createRoot } from 'react-dom/client';
import { act } from 'react-dom/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { forgetTyped, LateInput } from './late-input';

let field: HTMLInputElement;
let show: (value: string) => void;
const onChange = vi.fn();
const onType = vi.fn();
beforeEach(() => {
  vi.useFakeTimers();
  const place = document.createElement('div');
  const root = createRoot(place);
  show = value => act(() => root.render(<LateInput value={value} onChange={onChange} onType={onType} />));
  show('');
  field = place.querySelector('input') as HTMLInputElement;
});
afterEach(() => {
  vi.useRealTimers();
  vi.clearAllMocks();
});
const type = (text: string) =>
  act(() => {
    field.value = text;
    field.dispatchEvent(new Event('input', { bubbles: true }));
  });

test('several keys in one frame are told as one, and the address when the writer pauses', () => {
  type('g');
  type('gp ');
  expect(field.value).toBe('gp ');
  act(() => void vi.advanceTimersByTime(50));
  expect(onType.mock.calls).toEqual([['gp ']]);
  expect(onChange).not.toHaveBeenCalled();
  act(() => void vi.advanceTimersByTime(500));
  expect(onChange.mock.calls).toEqual([['gp']]);
});

test('what comes back from the address takes nothing of what was typed since', () => {
  type('gp ');
  act(() => void vi.advanceTimersByTime(500));
  type('gp t');
  show('gp');
  expect(field.value).toBe('gp t');
});

test('what comes from elsewhere takes the place of what is typed', () => {
  show('claude');
  expect(field.value).toBe('claude');
  type('claude-s');
  show('');
  expect(field.value).toBe('');
  act(() => void vi.advanceTimersByTime(1_000));
  expect(onType.mock.lastCall).toEqual(['']);
  expect(onChange).not.toHaveBeenCalled();
});

test('what was typed and not told is not told once it is to be forgotten', () => {
  type('gp');
  forgetTyped();
  act(() => void vi.advanceTimersByTime(1_000));
  expect(onChange).not.toHaveBeenCalled();
});
