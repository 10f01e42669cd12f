const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat('en');

/** What is not known is a dash, never a zero. */
export const UNKNOWN = '–';

export const count = (n: number | null | undefined) =>
  n == null ? UNKNOWN : Math.abs(n) < 10_000 ? whole.format(n) : compact.format(n);

export const countExact = (n: number) => whole.format(n);

/** A share from 0 to 1. Almost all is not all, and next to nothing is not nothing: 99.97% does not become
    100%, nor 0.03% none. */
export function percent(share: number | null | undefined): string {
  if (share == null) return UNKNOWN;
  const hundredths = share >= 1 ? 10_000 : Math.min(9_999, Math.round(share * 10_000));
  if (hundredths === 0) return share > 0 ? '<0.01%' : '0%';
  const digits = hundredths < 10 || (hundredths >= 9_900 && hundredths < 10_000) ? 2 : 1;
  return `${(hundredths / 100).toFixed(digits).replace(/\.0$/, '')}%`;
}

export function duration(milliseconds: number | null | undefined): string {
  if (milliseconds == null) return UNKNOWN;
  if (milliseconds < 1) return '<1 ms';
  // Rounded first: 59.999 s are a minute, and not 60.00 s.
  if (Math.round(milliseconds) < 1000) return `${Math.round(milliseconds)} ms`;
  const hundredths = Math.round(milliseconds / 10);
  if (hundredths < 6_000) return `${(hundredths / 100).toFixed(2)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** The first of the stretches that the server counts times in, ms: where in it one was is not known. */
const FIRST_STRETCH = 100;
/** A time that so many of all are below, which the server tells from counts by stretches. */
export const percentileTime = (milliseconds: number | null | undefined) =>
  milliseconds != null && milliseconds < FIRST_STRETCH ? `<${FIRST_STRETCH} ms` : duration(milliseconds);

export const speed = (tokensPerSecond: number | null | undefined) =>
  tokensPerSecond == null ? UNKNOWN : `${count(Math.round(tokensPerSecond))} tok/s`;

/** 200000 is 200K but 131072 is 128K: whichever unit the vendor counted in gives the round number. */
export function contextLength(tokens: number | null | undefined): string {
  if (tokens == null) return UNKNOWN;
  const base = tokens % 1000 === 0 ? 1000 : 1024;
  const thousands = tokens / base;
  if (thousands >= 1000) return `${+(thousands / base).toFixed(1)}M`;
  return thousands < 1 ? `${tokens}` : `${Math.round(thousands)}K`;
}

/** A change against the time before, as people say it. */
export function change(now: number, before: number): string | null {
  if (before === 0) return null;
  const share = (now - before) / before;
  if (Math.abs(share) < 0.005) return 'unchanged';
  if (share > 10) return 'more than tenfold';
  return `${share > 0 ? '+' : '−'}${Math.abs(share * 100).toFixed(0)}%`;
}
