import {
  createContext,
  type MouseEvent,
  type PointerEvent,
  type ReactNode,
  useContext,
  useId,
  useLayoutEffect,
  useRef,
} from 'react';
import { focusNear, type Place, placeOf } from './focus';

type Props = { open: boolean; onClose: () => void; title: string; wide?: boolean; children: ReactNode };

/** How much there is in a dialog that is never shown again. */
const Held = createContext<{ current: number }>({ current: 0 });
/** While it is so, a dialog is closed by its buttons alone: not by a click beside it, nor by Escape. */
export function useHeldDialog(isHeld: boolean) {
  const held = useContext(Held);
  // At once: a click may come before the browser has painted what it would take away.
  useLayoutEffect(() => {
    if (!isHeld) return;
    held.current++;
    return () => {
      held.current--;
    };
  }, [held, isHeld]);
}

/** Closes a dialog that is pressed beside. A press that began within it and ends beside it, as when text is
    marked with the mouse, is none of it. */
export function usePressBeside(close: () => void) {
  const began = useRef(false);
  return {
    onPointerDown: (event: PointerEvent<HTMLDialogElement>) => {
      began.current = event.target === event.currentTarget;
    },
    onClick: (event: MouseEvent<HTMLDialogElement>) => {
      if (began.current && event.target === event.currentTarget) close();
      began.current = false;
    },
  };
}

/** A native modal dialog: the browser keeps the focus within, closes it on Escape and gives the focus back. */
export function Dialog({ open, onClose, title, wide, children }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const held = useRef(0);
  const heading = useId();
  const beside = usePressBeside(() => held.current === 0 && onClose());
  const opener = useRef<Place>(undefined);
  useLayoutEffect(() => {
    const dialog = ref.current;
    if (open && !dialog?.open) {
      opener.current = placeOf(document.activeElement);
      dialog?.showModal();
    }
    if (!open && dialog?.open) dialog.close();
    // The browser gives the focus back to what opened it, unless that went meanwhile.
    if (!open) focusNear(opener.current);
    if (!open) opener.current = undefined;
  }, [open]);
  return (
    <dialog
      ref={ref}
      onClose={() => (open && held.current > 0 ? ref.current?.showModal() : onClose())}
      onKeyDown={event => {
        if (event.key === 'Escape' && held.current > 0) event.preventDefault();
      }}
      {...beside}
      aria-labelledby={heading}
      className={`appear ${wide ? 'w-[min(48rem,94vw)]' : 'w-[min(34rem,94vw)]'} max-h-[88dvh] rounded-l border border-rule bg-panel p-0 shadow-float`}
    >
      {open && (
        <Held.Provider value={held}>
          <div className="p-5 wrap-anywhere">
            <h2 id={heading} className="mb-3 text-lg font-semibold">
              {title}
            </h2>
            {children}
          </div>
        </Held.Provider>
      )}
    </dialog>
  );
}

export const DialogActions = ({ children }: { children: ReactNode }) => (
  <div className="mt-5 flex flex-wrap justify-end gap-2">{children}</div>
);
