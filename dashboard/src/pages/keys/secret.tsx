import type { ReactNode } from 'react';
import { Button } from '../../ui/button';
import { CopyButton } from '../../ui/copy';
import { DialogActions, useHeldDialog } from '../../ui/dialog';

/** A secret that is shown this once. */
export function Secret({
  secret,
  children,
  onDone,
}: {
  secret: string;
  children: ReactNode;
  onDone: () => void;
}) {
  useHeldDialog();
  return (
    <div className="grid gap-3">
      <p className="text-ink-2">{children}</p>
      <code className="block rounded-m bg-sunken px-2.5 py-1.5 font-mono text-xs break-all select-all">
        {secret}
      </code>
      <DialogActions>
        <CopyButton text={secret} label="Copy key" kind="primary" />
        <Button onClick={onDone}>Done</Button>
      </DialogActions>
    </div>
  );
}
