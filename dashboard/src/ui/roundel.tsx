const LINES = ['s1', 's2', 's3', 's4', 's5', 's6', 's7', 's8'] as const;

/** A provider's or author's mark: two letters inside a ring of its own line colour. It needs no logo
    files and is never a broken image. */
export function Roundel({ name }: { name: string }) {
  const sum = [...name].reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) >>> 0, 7);
  const words = name.split(/[-\s]/).filter(Boolean);
  const letters = words.length > 1 ? `${words[0]?.[0]}${words[1]?.[0]}` : name.slice(0, 2);
  return (
    <span
      aria-hidden
      className="inline-grid size-5.5 flex-none place-items-center rounded-full border-2 bg-panel text-[9px] leading-none font-bold text-ink uppercase"
      style={{ borderColor: `var(--${LINES[sum % LINES.length]})` }}
    >
      {letters}
    </span>
  );
}
