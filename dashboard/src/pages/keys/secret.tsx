import type { ReactNode } from 'react';
import { useUnlost } from '../../shell/unlost';
import { Button } from '../../ui/button';
import { CopyButton } from '../../ui/copy';
import { DialogActions } from '../../ui/dialog';

/** Why nothing happens to whoever wants to leave. */
export const StillShown = () => (
  <p role="alert" className="border-l-2 border-warn pl-3">
    It is not shown again. Copy it, and press Done.
  </p>
);

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
  const { wasTried, release } = useUnlost(true);
  return (
    <div className="grid gap-3">
      <p className="text-ink-2">{children}</p>
      <code className="block rounded-m bg-sunken px-2.5 py-1.5 font-mono text-xs break-all select-all">
        {secret}
      </code>
      {wasTried && <StillShown />}
      <DialogActions>
        <CopyButton text={secret} label="Copy key" kind="primary" />
        <Button
          onClick={() => {
            release();
            onDone();
          }}
        >
          Done
        </Button>
      </DialogActions>
    </div>
  );
}
