/** Amounts of money, counted in whole nano-dollars. A JavaScript number never holds a sum: the API
    writes exact decimals, and they stay exact until they are shown. */
export type Nano = bigint;

const DECIMAL = /^(-?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i;

/** A decimal as a whole number of its `digits`-th decimal place; what is smaller is rounded away from zero at half. */
export function scaled(value: number | string, digits: number): bigint {
  const parts = DECIMAL.exec(String(value).trim());
  if (!parts || (!parts[2] && !parts[3])) throw new RangeError(`not a decimal: ${value}`);
  const [, sign, whole = '', fraction = '', exponent = '0'] = parts;
  const shift = digits - fraction.length + Number(exponent);
  const all = BigInt(whole + fraction);
  const magnitude = shift >= 0 ? all * 10n ** BigInt(shift) : divide(all, 10n ** BigInt(-shift));
  return sign ? -magnitude : magnitude;
}

/** Rounds half away from zero. */
function divide(a: bigint, b: bigint): bigint {
  const magnitude = a < 0n ? -a : a;
  const rounded = (magnitude * 2n + b) / (b * 2n);
  return a < 0n ? -rounded : rounded;
}

export const nano = (usd: number | string | null | undefined): Nano => (usd == null ? 0n : scaled(usd, 9));
export const sum = (amounts: Iterable<Nano>): Nano => [...amounts].reduce((total, one) => total + one, 0n);

/** Only for what has no exactness of its own: the height of a bar, a share. */
export const toNumber = (amount: Nano) => Number(amount) / 1e9;

const grouped = (digits: string) => digits.replace(/\B(?=(\d{3})+$)/g, ',');

function fixed(magnitude: Nano, decimals: number): string {
  const units = divide(magnitude, 10n ** BigInt(9 - decimals))
    .toString()
    .padStart(decimals + 1, '0');
  const whole = grouped(units.slice(0, units.length - decimals));
  return decimals ? `${whole}.${units.slice(-decimals)}` : whole;
}

/** Money as it is read: cents from a cent on, two significant digits below, so that a request of
    $0.00021 never reads as "$0.00". */
export function usd(amount: Nano): string {
  if (amount === 0n) return '$0';
  const magnitude = amount < 0n ? -amount : amount;
  const decimals = magnitude >= 9_950_000n ? 2 : Math.min(9, 9 - magnitude.toString().length + 2);
  return `${amount < 0n ? '−' : ''}$${fixed(magnitude, decimals)}`;
}

/** Money to the last digit that is not zero, for places where it is reckoned with. */
export function usdExact(amount: Nano): string {
  const magnitude = amount < 0n ? -amount : amount;
  const [whole, fraction = ''] = fixed(magnitude, 9).split('.');
  const cents = fraction.replace(/0+$/, '').padEnd(2, '0');
  return `${amount < 0n ? '−' : ''}$${whole}.${cents}`;
}

/** Money in a column: so many decimals that points line up and no amount reads as nothing. */
export function usdColumn(amounts: Nano[]): (amount: Nano) => string {
  const smallest = amounts
    .filter(amount => amount !== 0n)
    .map(amount => (amount < 0n ? -amount : amount))
    .reduce<Nano | null>((least, one) => (least === null || one < least ? one : least), null);
  const decimals = smallest === null || smallest >= 10_000_000n ? 2 : smallest >= 100_000n ? 4 : 6;
  const floor = 10n ** BigInt(9 - decimals);
  return amount => {
    const magnitude = amount < 0n ? -amount : amount;
    const sign = amount < 0n ? '−' : '';
    if (magnitude > 0n && magnitude * 2n < floor) return `${sign}<$${fixed(floor, decimals)}`;
    return `${sign}$${fixed(magnitude, decimals)}`;
  };
}

/** What a form sends: a plain decimal in dollars. */
export function plain(amount: Nano): string {
  return usdExact(amount).replace('−', '-').replace(/[$,]/g, '').replace(/\.00$/, '');
}

/** The price of a token as that of a million: "0.0000025" is $2.50. Negative prices are not known. */
export function price(perToken: string | number | null | undefined): string {
  if (perToken == null) return '–';
  const million = scaled(perToken, 15);
  if (million < 0n) return '–';
  // To the last digit: $0.025 must not read as $0.03.
  return million === 0n ? 'free' : usdExact(million);
}

/** To sort and compare by: unknown prices come last in either direction. */
export function priceOrder(perToken: string | number | null | undefined): number | null {
  if (perToken == null) return null;
  const million = scaled(perToken, 15);
  return million < 0n ? null : toNumber(million);
}
