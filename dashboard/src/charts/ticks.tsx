/** What happened in an interval: the share of good answers, or null where there was no traffic. */
export type Tick = { share: number | null; label: string };

const shape = (share: number | null) =>
  share === null
    ? { height: 3, colour: '--edge' }
    : share >= 0.99
      ? { height: 14, colour: '--ok' }
      : share >= 0.95
        ? { height: 10, colour: '--warn' }
        : { height: 6, colour: '--bad' };

/** One tick for each interval: full height where all went well, shorter where not, a dot where there
    was nothing. It reads without colour. */
export function Ticks({
  ticks,
  label,
  className = '',
}: {
  ticks: Tick[];
  label: string;
  /** The most room there is: with less than all of it ticks get narrower. */
  className?: string;
}) {
  return (
    <svg
      role="img"
      aria-label={label}
      width={ticks.length * 4}
      height={16}
      viewBox={`0 0 ${ticks.length * 4} 16`}
      preserveAspectRatio="none"
      className={`inline-block align-middle ${className}`}
    >
      {ticks.map((tick, place) => {
        const { height, colour } = shape(tick.share);
        return (
          <rect key={place} x={place * 4} y={15 - height} width={3} height={height} fill={`var(${colour})`}>
            <title>{tick.label}</title>
          </rect>
        );
      })}
    </svg>
  );
}
