/** Reads CSV as it comes, a row at a time: quoted cells may hold commas, quotes and line ends. */
export class CsvReader {
  private row: string[] = [];
  private cell = '';
  private quoted = false;
  private closed = false;

  /** The rows that `text` completes. */
  push(text: string): string[][] {
    const rows: string[][] = [];
    for (const letter of text) {
      if (this.quoted) {
        if (letter !== '"') this.cell += letter;
        else {
          this.quoted = false;
          this.closed = true;
        }
        continue;
      }
      if (letter === '"') {
        // A second quote right after the first is one of the text.
        if (this.closed) this.cell += '"';
        this.quoted = true;
      } else if (letter === ',') this.endCell();
      else if (letter === '\n') {
        this.endCell();
        rows.push(this.row);
        this.row = [];
      } else if (letter !== '\r') this.cell += letter;
      this.closed = false;
    }
    return rows;
  }

  private endCell() {
    this.row.push(this.cell);
    this.cell = '';
  }
}

const QUOTED = /[",\r\n]/;
/** Full-width signs count where the spreadsheet's language is Japanese or Chinese. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

/** A table as CSV. Texts that a spreadsheet would run as formulas begin with an apostrophe. */
export function csv(rows: (string | number | null)[][]): string {
  const cell = (value: string | number | null) => {
    if (value === null) return '';
    if (typeof value === 'number') return String(value);
    const text = FORMULA.test(value) && !/^-?[\d.]+$/.test(value) ? `'${value}` : value;
    return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map(row => `${row.map(cell).join(',')}\r\n`).join('');
}
