import type { ButtonHTMLAttributes } from 'react';

const KIND = {
  plain: 'border-edge bg-panel text-ink hover:bg-sunken',
  primary: 'border-accent bg-accent text-on-accent hover:brightness-110',
  quiet: 'border-transparent text-ink-2 hover:bg-sunken hover:text-ink',
  danger: 'border-bad text-bad hover:bg-bad hover:text-panel',
};

type Props = ButtonHTMLAttributes<HTMLButtonElement> & {
  kind?: keyof typeof KIND;
  /** Why it cannot be used now: shown as a tooltip, and read out. */
  reason?: string | false;
};

export function buttonClass(kind: keyof typeof KIND = 'plain') {
  return `inline-flex min-h-7 items-center justify-center gap-1.5 rounded-m border px-3 py-0.5 text-sm font-medium whitespace-nowrap disabled:cursor-not-allowed disabled:opacity-50 ${KIND[kind]}`;
}

export function Button({ kind = 'plain', className = '', type = 'button', reason, title, ...rest }: Props) {
  return (
    <button
      type={type}
      title={reason || title}
      className={`${buttonClass(kind)} ${className}`}
      {...rest}
      disabled={rest.disabled || Boolean(reason)}
    />
  );
}

/** A button that is a drawing: it is named by `label`. */
export function IconButton({
  label,
  className = '',
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { label: string }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={`inline-grid size-7 flex-none place-items-center rounded-m text-ink-3 hover:bg-sunken hover:text-ink disabled:opacity-40 ${className}`}
      {...rest}
    />
  );
}
