import { expect, it } from 'vitest';
import { CsvReader, csv } from './csv';

it('reads rows however the text is cut', () => {
  const text = 'a,"b, ""c""\nd",\r\n1,,3\n';
  for (let at = 0; at <= text.length; at++) {
    const reader = new CsvReader();
    const rows = [...reader.push(text.slice(0, at)), ...reader.push(text.slice(at))];
    expect(rows, `cut at ${at}`).toEqual([
      ['a', 'b, "c"\nd', ''],
      ['1', '', '3'],
    ]);
  }
});
it('writes what it reads, and no formulas', () => {
  expect(csv([['a,b', '=1+1', '-5', null, 2]])).toBe(`"a,b",'=1+1,-5,,2\r\n`);
  expect(csv([['＝1+1', '\n=1+1']])).toBe(`'＝1+1,"'\n=1+1"\r\n`);
  expect(new CsvReader().push(csv([['x"y', 'z\n']]))).toEqual([['x"y', 'z\n']]);
});
