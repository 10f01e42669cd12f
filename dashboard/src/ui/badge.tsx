import type { ReactNode } from 'react';

const TONE = {
  quiet: 'border-edge text-ink-2',
  ok: 'border-ok text-ok',
  warn: 'border-warn text-warn',
  bad: 'border-bad text-bad',
};

/** A state in a word; colour only underlines it. */
export const Badge = ({
  tone = 'quiet',
  wraps,
  children,
}: {
  tone?: keyof typeof TONE;
  /** Where names stand in it, which may be long. */
  wraps?: boolean;
  children: ReactNode;
}) => (
  <span
    className={`inline-block rounded-s border px-1 text-2xs font-normal ${wraps ? '' : 'whitespace-nowrap'} ${TONE[tone]}`}
  >
    {children}
  </span>
);

/** How much of a limit is used. From nine tenths on it is drawn in another colour, and told. */
export function LimitBar({ share, label }: { share: number; label: string }) {
  const used = Math.min(1, Math.max(0, share));
  const tone = share >= 1 ? 'bg-bad' : share >= 0.9 ? 'bg-warn' : 'bg-accent';
  return (
    <span
      role="img"
      aria-label={label}
      title={label}
      className="painted inline-block h-1.5 w-20 rounded-s bg-rule align-middle"
    >
      <span className={`painted block h-full rounded-s ${tone}`} style={{ width: `${used * 100}%` }} />
    </span>
  );
}
