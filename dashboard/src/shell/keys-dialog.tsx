import { useState } from 'react';
import { useSession } from '../session/session';
import { Dialog } from '../ui/dialog';
import { Checkbox } from '../ui/field';
import { pagesFor } from './sections';
import { areLettersOn, setLettersOn } from './shortcuts';

const KEYS: [string, string][] = [
  ['⌘ K or Ctrl K', 'Command palette'],
  ['/', 'Filter of the page'],
  ['j, k', 'Next, previous row'],
  ['Enter, Esc', 'Open, close'],
  ['c', 'Copy the id of the open log'],
  ['⌘ Enter or Ctrl Enter', 'Send (playground)'],
  ['Alt 1 … Alt 4', 'Look at one column (playground)'],
  ['?', 'This list'],
];

/** Whether single letters do anything: who speaks to the machine needs them off. */
export function LettersSwitch() {
  const [on, setOn] = useState(areLettersOn());
  return (
    <Checkbox
      label="Single-letter keys"
      hint="Kept in this browser. Keys with Ctrl, ⌘ or Alt always work."
      checked={on}
      onChange={event => {
        setLettersOn(event.target.checked);
        setOn(event.target.checked);
      }}
    />
  );
}

export function KeysDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const pages = pagesFor(useSession()?.abilities ?? []);
  return (
    <Dialog open={open} onClose={onClose} title="Keyboard">
      <dl className="mb-4 grid grid-cols-[auto_1fr] gap-x-6">
        {[...KEYS, ...pages.map(page => [`g ${page.key}`, page.label] as const)].map(([key, does]) => (
          <div key={key} className="col-span-2 grid grid-cols-subgrid border-t border-rule py-1">
            <dt className="font-mono text-xs text-ink-2">{key}</dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <LettersSwitch />
    </Dialog>
  );
}
