import { type InputHTMLAttributes, useEffect, useRef, useState } from 'react';
import { Input } from './field';

type Props = {
  value: string;
  /** What stands there once the writer pauses, for the address. */
  onChange: (value: string) => void;
  /** What stands there after each key, once the key is drawn: several keys in one frame are told as one. */
  onType?: (value: string) => void;
} & Omit<InputHTMLAttributes<HTMLInputElement>, 'value' | 'onChange'>;

const PAUSE = 400;
type Timer = ReturnType<typeof setTimeout>;

/** Those that wait for their writers to pause. */
const waiting = new Set<Timer>();
/** What was typed and is not told yet, is not told any more: filters are cleared. The fields themselves are made
    anew by whoever clears them. */
export function forgetTyped() {
  for (const timer of waiting) clearTimeout(timer);
  waiting.clear();
}

/** A field that draws each key by itself, whatever has to be drawn anew because of it. */
export function LateInput({ value, onChange, onType, ...rest }: Props) {
  const [text, setText] = useState(value);
  // What was told last: only another value comes from elsewhere, and takes the place of what is typed.
  const told = useRef(value);
  const timer = useRef<Timer>(undefined);
  const frame = useRef(0);
  const type = (next: string) => {
    if (!onType) return;
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => setTimeout(() => onType(next)));
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is told is not what is read
  useEffect(() => {
    if (value === told.current) return;
    told.current = value;
    clearTimeout(timer.current);
    setText(value);
    type(value);
  }, [value]);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      cancelAnimationFrame(frame.current);
    },
    [],
  );
  return (
    <Input
      {...rest}
      value={text}
      onChange={event => {
        const next = event.target.value;
        setText(next);
        type(next);
        clearTimeout(timer.current);
        const pause = setTimeout(() => {
          waiting.delete(pause);
          told.current = next.trim();
          onChange(told.current);
        }, PAUSE);
        timer.current = pause;
        waiting.add(pause);
      }}
    />
  );
}
