/** What a column of a virtual table needs, whose content cannot be measured. */
export type Measures = {
  /** In rem; of the column that grows, what it has to be given before others are. */
  width?: number;
  /** Takes what the others leave. There is one. */
  grows?: boolean;
  /** That it may be left out, and when: the highest goes first. Without it a column stays. */
  goes?: number;
};

/** What the column that grows needs at the very least, in rem: below that the table scrolls sideways. */
const LEAST = 8;

const sum = (columns: Measures[]) => columns.reduce((all, column) => all + (column.width ?? 0), 0);

/** The columns that a table of so many rem has room for, in their order. */
export function fitting<C extends Measures>(columns: C[], room: number): C[] {
  let kept = columns;
  while (sum(kept) > room) {
    const last = Math.max(...kept.map(column => column.goes ?? 0));
    if (last <= 0) break;
    kept = kept.filter(column => column.goes !== last);
  }
  return kept;
}

/** The least width of a table with these columns, in rem. */
export const widthOf = (columns: Measures[]): number =>
  sum(columns.map(column => (column.grows ? { width: LEAST } : column)));
