import { createContext, type ReactNode, useContext, useId, useLayoutEffect, useRef } from 'react';

type Props = { open: boolean; onClose: () => void; title: string; wide?: boolean; children: ReactNode };

/** How much there is in a dialog that is never shown again. */
const Held = createContext<{ current: number }>({ current: 0 });
/** While it is there, a dialog is closed by its buttons alone: not by a click beside it, nor by Escape. */
export function useHeldDialog() {
  const held = useContext(Held);
  // At once: a click may come before the browser has painted what it would take away.
  useLayoutEffect(() => {
    held.current++;
    return () => {
      held.current--;
    };
  }, [held]);
}

/** A native modal dialog: the browser keeps the focus within, closes it on Escape and gives the focus back. */
export function Dialog({ open, onClose, title, wide, children }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const held = useRef(0);
  const heading = useId();
  useLayoutEffect(() => {
    const dialog = ref.current;
    if (open && !dialog?.open) dialog?.showModal();
    if (!open && dialog?.open) dialog.close();
  }, [open]);
  return (
    <dialog
      ref={ref}
      onClose={() => (open && held.current > 0 ? ref.current?.showModal() : onClose())}
      onKeyDown={event => {
        if (event.key === 'Escape' && held.current > 0) event.preventDefault();
      }}
      onClick={event => event.target === ref.current && held.current === 0 && onClose()}
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
