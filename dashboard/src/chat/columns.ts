/** The columns of a comparison, by numbers of their own: the place of one changes when another is
    removed, and two may have the same model. */
export type Columns = { ids: number[]; next: number };
export const NO_COLUMNS: Columns = { ids: [], next: 0 };

/** As many columns as there are models: those that came last are new. */
export function columnsFor({ ids, next }: Columns, count: number): Columns {
  const more = Array.from({ length: Math.max(0, count - ids.length) }, (_, at) => next + at);
  return { ids: [...ids.slice(0, count), ...more], next: next + more.length };
}

export const withoutColumn = ({ ids, next }: Columns, place: number): Columns => ({
  ids: ids.filter((_, at) => at !== place),
  next,
});
