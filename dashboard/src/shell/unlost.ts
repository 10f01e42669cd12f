import { useBlocker } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { useHeldDialog } from '../ui/dialog';

/** While something is on its way or shown that is never shown again, nothing but its own button takes it away:
    no key, no press beside it, not Back, no link, and the browser asks before it closes the page. `release`
    comes before what that button does; `wasTried` says that somebody wanted to leave. */
export function useUnlost(isHeld: boolean) {
  const released = useRef(false);
  const [wasTried, setWasTried] = useState(false);
  useHeldDialog(isHeld);
  useBlocker({
    disabled: !isHeld,
    enableBeforeUnload: () => !released.current,
    shouldBlockFn: () => {
      if (released.current) return false;
      setWasTried(true);
      return true;
    },
  });
  const release = () => {
    released.current = true;
  };
  return { wasTried, release };
}

/** Within a dialog: holds it while a request runs whose answer is shown once. */
export function Unlost({ isHeld }: { isHeld: boolean }) {
  useUnlost(isHeld);
  return null;
}
