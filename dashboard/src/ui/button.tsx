import { type ButtonHTMLAttributes, type MouseEvent, useId, useRef } from 'react';

const KIND = {
  plain: 'border-edge bg-panel text-ink hover:bg-sunken',
  primary: 'border-accent bg-accent text-on-accent hover:brightness-110',
  quiet: 'border-transparent text-ink-2 hover:bg-sunken hover:text-ink',
  danger: 'border-bad text-bad hover:bg-bad hover:text-panel',
};

type Props = ButtonHTMLAttributes<HTMLButtonElement> & {
  kind?: keyof typeof KIND;
  /** Why it cannot be used now: shown as a tooltip and where it is pressed, and read out. */
  reason?: string | false;
};

/** What cannot be used now keeps the focus of whoever pressed it, and can be reached to hear why: the browser
    takes both from a button that is `disabled`. Its presses do nothing but say the reason. */
function useIdle({ reason, disabled, onClick }: Pick<Props, 'reason' | 'disabled' | 'onClick'>) {
  const id = useId();
  const note = useRef<HTMLSpanElement>(null);
  const isIdle = Boolean(disabled || reason);
  return {
    wiring: {
      'aria-disabled': isIdle || undefined,
      ...(reason && { 'aria-describedby': id }),
      onClick: (event: MouseEvent<HTMLButtonElement>) => {
        if (!isIdle) return onClick?.(event);
        event.preventDefault();
        event.stopPropagation();
        note.current?.showPopover?.({ source: event.currentTarget });
      },
    },
    note: reason && (
      <span
        ref={note}
        id={id}
        popover="auto"
        className="rounded-m border border-edge bg-panel px-2.5 py-1 text-xs text-ink shadow-float"
      >
        {reason}
      </span>
    ),
  };
}

export function buttonClass(kind: keyof typeof KIND = 'plain') {
  return `inline-flex min-h-7 items-center justify-center gap-1.5 rounded-m border px-3 py-0.5 text-sm font-medium whitespace-nowrap aria-disabled:cursor-not-allowed aria-disabled:opacity-50 ${KIND[kind]}`;
}

export function Button({
  kind = 'plain',
  className = '',
  type = 'button',
  reason,
  title,
  disabled,
  onClick,
  ...rest
}: Props) {
  const { wiring, note } = useIdle({ reason, disabled, onClick });
  return (
    <>
      <button
        type={type}
        title={reason || title}
        className={`${buttonClass(kind)} ${className}`}
        {...rest}
        {...wiring}
      />
      {note}
    </>
  );
}

/** A button that is a drawing: it is named by `label`. */
export function IconButton({
  label,
  className = '',
  reason,
  disabled,
  onClick,
  ...rest
}: Omit<Props, 'kind'> & { label: string }) {
  const { wiring, note } = useIdle({ reason, disabled, onClick });
  return (
    <>
      <button
        type="button"
        aria-label={label}
        title={reason || label}
        className={`inline-grid size-7 flex-none place-items-center rounded-m text-ink-3 hover:bg-sunken hover:text-ink aria-disabled:cursor-not-allowed aria-disabled:opacity-40 ${className}`}
        {...rest}
        {...wiring}
      />
      {note}
    </>
  );
}
