/** Moments and stretches of time. All of them are UTC, as the books are, and pages say so. */
export type Range = '1h' | '24h' | '7d' | '30d' | '90d';
export type Granularity = 'minute' | 'hour' | 'day' | 'week' | 'month';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LENGTH: Record<Range, number> = {
  '1h': HOUR,
  '24h': DAY,
  '7d': 7 * DAY,
  '30d': 30 * DAY,
  '90d': 90 * DAY,
};
const STEP: Partial<Record<Granularity, number>> = { minute: MINUTE, hour: HOUR, day: DAY };

export const RANGES: { value: Range; label: string }[] = [
  { value: '1h', label: 'Last hour' },
  { value: '24h', label: 'Last 24 hours' },
  { value: '7d', label: 'Last 7 days' },
  { value: '30d', label: 'Last 30 days' },
  { value: '90d', label: 'Last 90 days' },
];
export const rangeLabel = (range: Range) => RANGES.find(one => one.value === range)?.label ?? range;

/** Bars that are neither too many to see nor too few to tell anything. */
export const granularityOf = (range: Range): Granularity =>
  range === '1h' ? 'minute' : range === '24h' ? 'hour' : 'day';

export type Stretch = { start: string; end: string };

/** The stretch of a range that ends with the bucket now running, `back` ranges ago. */
export function stretch(range: Range, now: number, back = 0): Stretch {
  const step = STEP[granularityOf(range)] ?? DAY;
  const end = (Math.floor(now / step) + 1) * step - back * LENGTH[range];
  return { start: new Date(end - LENGTH[range]).toISOString(), end: new Date(end).toISOString() };
}

/** The beginning of every bucket in a stretch, so that days without traffic are drawn as such. */
export function buckets({ start, end }: Stretch, granularity: Granularity): number[] {
  const step = STEP[granularity];
  if (!step) return [];
  const found: number[] = [];
  for (let at = Math.floor(Date.parse(start) / step) * step; at < Date.parse(end); at += step) found.push(at);
  return found;
}
export const stepOf = (granularity: Granularity) =>
  STEP[granularity] ?? (granularity === 'week' ? 7 * DAY : 30 * DAY);

const day = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', timeZone: 'UTC' });
const dayYear = new Intl.DateTimeFormat('en', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  timeZone: 'UTC',
});
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' });
const clockSeconds = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZone: 'UTC',
});

export const dayOf = (at: number | string) => day.format(new Date(at));
export const dateOf = (at: number | string) => dayYear.format(new Date(at));
export const timeOf = (at: number | string) => clockSeconds.format(new Date(at));
export const momentOf = (at: number | string) =>
  `${dayYear.format(new Date(at))}, ${clock.format(new Date(at))} UTC`;
/** A text of the server with its moments as people read them. */
export const withMoments = (text: string) =>
  text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, at => `${timeOf(at)} UTC on ${dateOf(at)}`);
export const bucketLabel = (at: number, granularity: Granularity) =>
  granularity === 'minute'
    ? clock.format(at)
    : granularity === 'hour'
      ? `${day.format(at)}, ${clock.format(at)}`
      : day.format(at);

/** When a limit starts afresh, in words. */
export function resetsAt(interval: string | null | undefined, now: number): string {
  if (!interval || interval === 'lifetime') return 'never';
  const at = new Date(now);
  const midnight = Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate());
  if (interval === 'daily') return dayOf(midnight + DAY);
  if (interval === 'weekly') return dayOf(midnight + ((8 - at.getUTCDay()) % 7 || 7) * DAY);
  return dayOf(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1));
}
