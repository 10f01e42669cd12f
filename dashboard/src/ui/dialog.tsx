import { type ReactNode, useId, useLayoutEffect, useRef } from 'react';

type Props = { open: boolean; onClose: () => void; title: string; wide?: boolean; children: ReactNode };

/** A native modal dialog: the browser keeps the focus within, closes it on Escape and gives the focus back. */
export function Dialog({ open, onClose, title, wide, children }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useLayoutEffect(() => {
    const dialog = ref.current;
    if (open && !dialog?.open) dialog?.showModal();
    if (!open && dialog?.open) dialog.close();
  }, [open]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it from the keyboard
    <dialog
      ref={ref}
      onClose={onClose}
      onClick={event => event.target === ref.current && onClose()}
      aria-labelledby={heading}
      className={`appear ${wide ? 'w-[min(48rem,94vw)]' : 'w-[min(34rem,94vw)]'} max-h-[88dvh] rounded-l border border-rule bg-panel p-0 shadow-float`}
    >
      {open && (
        <div className="p-5">
          <h2 id={heading} className="mb-3 text-lg font-semibold">
            {title}
          </h2>
          {children}
        </div>
      )}
    </dialog>
  );
}

export const DialogActions = ({ children }: { children: ReactNode }) => (
  <div className="mt-5 flex flex-wrap justify-end gap-2">{children}</div>
);
