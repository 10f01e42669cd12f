import { describe, expect, it } from 'vitest';
import { nano, plain, price, priceOrder, scaled, sum, usd, usdColumn, usdExact } from './money';

describe('amounts', () => {
  it('are read exactly, from numbers and from texts', () => {
    expect(nano(0.1)).toBe(100_000_000n);
    expect(nano('1.234567891')).toBe(1_234_567_891n);
    expect(nano(2.1e-7)).toBe(210n);
    expect(nano('-0.5')).toBe(-500_000_000n);
    expect(nano('9007199254.740993')).toBe(9_007_199_254_740_993_000n);
    expect(nano(null)).toBe(0n);
  });
  it('add up without drifting as binary fractions do', () => {
    expect(0.1 + 0.2).not.toBe(0.3);
    expect(sum([nano(0.1), nano(0.2)])).toBe(nano(0.3));
    expect(usdExact(sum(Array.from({ length: 1000 }, () => nano('0.000000001'))))).toBe('$0.000001');
  });
  it('that are none are refused', () => {
    for (const text of ['', '.', 'abc', '1,5', '--1'])
      expect(() => scaled(text, 9), text).toThrow(RangeError);
  });
});

describe('what is shown', () => {
  it.each([
    ['0', '$0'],
    ['0.00021', '$0.00021'],
    ['0.000000001', '$0.000000001'],
    ['0.0098', '$0.0098'],
    ['0.00996', '$0.01'],
    ['0.5', '$0.50'],
    ['12.345', '$12.35'],
    ['24812', '$24,812.00'],
    ['-3.2', '−$3.20'],
  ])('%s is %s', (text, shown) => expect(usd(nano(text))).toBe(shown));

  it('is exact where it is reckoned with', () => {
    expect(usdExact(nano('12.345'))).toBe('$12.345');
    expect(usdExact(nano('1000'))).toBe('$1,000.00');
    expect(plain(nano('1000.5'))).toBe('1000.50');
    expect(plain(nano('25'))).toBe('25');
  });

  it('lines up in a column, and nothing that cost reads as nothing', () => {
    const column = usdColumn([nano('1'), nano('0.002')]);
    expect([column(nano('1')), column(nano('0.002')), column(nano(0))]).toEqual([
      '$1.0000',
      '$0.0020',
      '$0.0000',
    ]);
    expect(usdColumn([nano('0.0000001')])(nano('0.0000001'))).toBe('<$0.000001');
  });

  it('is a price by the million tokens; unknown is not free', () => {
    expect(price('0.0000025')).toBe('$2.50');
    expect(price('0.000000025')).toBe('$0.025');
    expect(price('0')).toBe('free');
    expect(price('-1')).toBe('–');
    expect(price(undefined)).toBe('–');
    expect(priceOrder('-1')).toBeNull();
  });
});
