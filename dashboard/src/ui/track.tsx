import { duration } from '../lib/format';

/** A stop on the way of a request. */
export type Stop = { provider: string; status: number | null; latency?: number; error?: string };

const isServed = (stop: Stop) => stop.status !== null && stop.status < 400;
const statusText = (stop: Stop) => (stop.status === null ? 'no answer' : String(stop.status));

/** The way a request took: a stop for each provider tried. An open ring failed and was left, the
    filled one answered. The status is written out as well, so that nothing hangs on colour. */
export function Track({ stops, end }: { stops: Stop[]; end?: { text: string; time?: number } }) {
  const served = stops.some(isServed);
  return (
    <ol className="track" aria-label="Route taken">
      {stops.map((stop, place) => (
        <li key={place} data-state={isServed(stop) ? 'served' : 'failed'}>
          <span className="min-w-0 flex-1">
            {stop.provider}
            {stop.error && (
              <span className="block truncate text-xs text-ink-3" title={stop.error}>
                {stop.error.replaceAll('_', ' ')}
              </span>
            )}
          </span>
          <span className={`font-mono text-xs ${isServed(stop) ? 'text-ok' : 'text-bad'}`}>
            {statusText(stop)}
          </span>
          {stop.latency !== undefined && <span className="num w-18">{duration(stop.latency)}</span>}
        </li>
      ))}
      <li data-state="end">
        <span className={`flex-1 ${served ? '' : 'text-bad'}`}>
          {served ? (end?.text ?? 'Answered') : 'No provider answered'}
        </span>
        {served && end?.time !== undefined && <span className="num w-18">{duration(end.time)}</span>}
      </li>
    </ol>
  );
}

/** The same route at the height of a row: ○─● */
export function TrackDots({ stops }: { stops: Stop[] }) {
  const width = stops.length * 16;
  return (
    <svg
      role="img"
      aria-label={stops.map(stop => `${stop.provider} ${statusText(stop)}`).join(', then ')}
      width={width}
      height={14}
      className="inline-block flex-none align-middle"
    >
      {stops.length > 1 && <line x1={7} x2={width - 9} y1={7} y2={7} stroke="var(--edge)" strokeWidth={2} />}
      {stops.map((stop, place) => {
        const line = isServed(stop) ? 'var(--ok)' : 'var(--bad)';
        const fill = isServed(stop) ? 'var(--ok)' : 'var(--paper)';
        return (
          <circle key={place} cx={7 + place * 16} cy={7} r={4} strokeWidth={2} stroke={line} fill={fill} />
        );
      })}
    </svg>
  );
}
