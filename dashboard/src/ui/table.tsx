import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { memo, type ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { Button } from './button';
import { fitting, type Measures, widthOf } from './fitting';

/** The room of the table itself counts, and not that of the window: the navigation takes some of it. */
const FROM = {
  24: '@max-[24rem]:hidden',
  40: '@max-[40rem]:hidden',
  54: '@max-[54rem]:hidden',
  68: '@max-[68rem]:hidden',
};

export type Column<R> = Measures & {
  key: string;
  label: string;
  numeric?: boolean;
  /** Left out where the table has less room than so many rem. Of a virtual table `goes` says it. */
  from?: keyof typeof FROM;
  sortable?: boolean;
  cell: (row: R) => ReactNode;
};
/** A name of any length in a table whose columns are measured: as much of it as leaves room for the others. */
export const Name = ({ text, children, className = '' }: NameProps) => (
  <span dir="auto" className={`block max-w-[clamp(7rem,22cqi,18rem)] truncate ${className}`} title={text}>
    {children ?? text}
  </span>
);
type NameProps = { text: string; children?: ReactNode; className?: string };

export type Sort = { key: string; descending: boolean };

type HeadProps<R> = { columns: Column<R>[]; sort?: Sort; onSort?: (key: string) => void };

const cellClass = (column: { numeric?: boolean; from?: keyof typeof FROM }) =>
  `${column.numeric ? 'num' : 'text-left'} ${column.from ? FROM[column.from] : ''}`;

function Head<R>({ columns, sort, onSort }: HeadProps<R>) {
  return (
    <tr className="text-xs text-ink-3">
      {columns.map(column => {
        const sorted = sort?.key === column.key ? sort : undefined;
        const Arrow = sorted?.descending ? ArrowDown : ArrowUp;
        return (
          <th
            key={column.key}
            scope="col"
            aria-sort={sorted && (sorted.descending ? 'descending' : 'ascending')}
            className={`px-2 py-1 font-normal whitespace-nowrap ${cellClass(column)}`}
          >
            {onSort && column.sortable !== false ? (
              <button
                type="button"
                onClick={() => onSort(column.key)}
                className={`inline-flex min-h-6 items-center gap-1 hover:text-ink ${sorted ? 'text-ink' : ''}`}
              >
                {column.label}
                {sorted && <Arrow size={11} aria-hidden />}
              </button>
            ) : (
              column.label
            )}
          </th>
        );
      })}
    </tr>
  );
}

type TableProps<R> = HeadProps<R> & {
  label: string;
  rows: R[];
  rowKey: (row: R) => string;
  rowClass?: (row: R) => string;
};

type First = {
  /** So many rows are drawn before somebody asks for the others. */
  first?: number;
};

/** A table whose rows are few enough to be there all. It scrolls sideways where it does not fit. */
export function Table<R>({ label, rows, rowKey, rowClass, first, ...head }: TableProps<R> & First) {
  const [all, setAll] = useState(false);
  const shown = all || first === undefined ? rows : rows.slice(0, first);
  return (
    // What is for the ear alone is placed outside of the flow: without a place of reference here it would make
    // the document as wide as the table.
    <section className="@container relative overflow-x-auto" tabIndex={0} aria-label={`${label}, table`}>
      <table className="w-full" aria-label={label}>
        <thead>
          <Head {...head} />
        </thead>
        <tbody>
          {shown.map(row => (
            <tr key={rowKey(row)} className={`border-t border-rule hover:bg-wash ${rowClass?.(row) ?? ''}`}>
              {head.columns.map(column => (
                <td key={column.key} className={`h-9 px-2 py-1 ${cellClass(column)}`}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length < rows.length && (
        <div className="border-t border-rule p-3">
          <Button onClick={() => setAll(true)}>Show all {rows.length}</Button>
        </div>
      )}
    </section>
  );
}

type VirtualProps<R> = Omit<TableProps<R>, 'rowClass'> & {
  rowHeight?: number;
  /** What a press anywhere on a row does. From the keyboard its first link or button is pressed. */
  onOpen?: (row: R) => void;
  selected?: string;
  /** Below the last row: a button for more. */
  foot?: ReactNode;
};

type RowProps<R> = {
  row: R;
  index: number;
  isSelected: boolean | undefined;
  columns: Column<R>[];
  height: number;
  onOpen?: (row: R) => void;
};
/** A row that stays where it is, is not made anew. */
const VirtualRow = memo(function VirtualRow<R>({
  row,
  index,
  isSelected,
  columns,
  height,
  onOpen,
}: RowProps<R>) {
  return (
    <tr
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      onClick={() => onOpen?.(row)}
      className={`hover:bg-wash aria-selected:bg-wash ${onOpen ? 'cursor-pointer' : ''}`}
      style={{ height }}
    >
      {columns.map(column => (
        <td key={column.key} className={`truncate border-b border-rule px-2 ${cellClass(column)}`}>
          {column.cell(row)}
        </td>
      ))}
    </tr>
  );
}) as <R>(props: RowProps<R> & { key?: string }) => ReactNode;

/** How wide a table may be, in rem; told anew when it changes. */
function useRoom(scroller: { current: HTMLElement | null }) {
  const [room, setRoom] = useState(Number.POSITIVE_INFINITY);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
    const measure = () => setRoom(element.clientWidth / rem);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [scroller]);
  return room;
}

const HEAD_HEIGHT = 34;
/** How many frames a row may take to be drawn. */
const SOON = 20;

/** Keeps the selected row in sight, and gives it the focus once it is selected no more: what was shown of it
    elsewhere had the focus, and is gone. `bring` scrolls to a row and tells its place. */
function useSelected(
  selected: string | undefined,
  scroller: { current: HTMLElement | null },
  bring: (key: string) => number,
) {
  const before = useRef<string>(undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another choice moves the table
  useEffect(() => {
    const left = selected ? undefined : before.current;
    before.current = selected || undefined;
    const key = selected || left;
    if (!key) return;
    let frame = 0;
    const look = (times: number) => {
      const index = bring(key);
      const row = scroller.current?.querySelector(`tr[aria-rowindex="${index + 2}"]`);
      if (left && row?.checkVisibility()) row.querySelector<HTMLElement>('a, button')?.focus();
      else if (left && index >= 0 && times < SOON) frame = requestAnimationFrame(() => look(times + 1));
    };
    frame = requestAnimationFrame(() => look(0));
    return () => cancelAnimationFrame(frame);
  }, [selected]);
}

/** A table of any length: only the rows in sight exist, the space of the others is kept by two rows
    without content. Columns that find no room are left out; what must stay scrolls sideways. */
export function VirtualTable<R>({
  label,
  rows,
  rowKey,
  rowHeight = 36,
  onOpen,
  selected,
  foot,
  columns: wanted,
  ...head
}: VirtualProps<R>) {
  const scroller = useRef<HTMLElement>(null);
  const room = useRoom(scroller);
  const columns = useMemo(() => fitting(wanted, room), [wanted, room]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 6,
    // Rows begin below the head, which the places of rows do not count.
    scrollPaddingEnd: HEAD_HEIGHT,
    initialRect: { width: 1000, height: 800 },
  });
  useSelected(selected, scroller, key => {
    const index = rows.findIndex(row => rowKey(row) === key);
    if (index >= 0) virtual.scrollToIndex(index, { align: 'auto' });
    return index;
  });
  const shown = virtual.getVirtualItems();
  const above = shown[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (shown.at(-1)?.end ?? 0);
  return (
    <section
      ref={scroller}
      tabIndex={0}
      aria-label={`${label}, table`}
      className="relative min-h-60 flex-1 overflow-auto border-y border-rule"
    >
      <table
        aria-label={label}
        aria-rowcount={rows.length + 1}
        className="w-full table-fixed border-separate border-spacing-0"
        style={{ minWidth: `${widthOf(columns)}rem` }}
      >
        <colgroup>
          {columns.map(column => (
            <col key={column.key} style={{ width: column.grows ? undefined : `${column.width}rem` }} />
          ))}
        </colgroup>
        <thead className="sticky top-0 z-1 bg-paper shadow-[0_1px_0_var(--rule)]">
          <Head columns={columns} {...head} />
        </thead>
        <tbody>
          {above > 0 && <tr aria-hidden style={{ height: above }} />}
          {shown.map(item => {
            const row = rows[item.index] as R;
            const key = rowKey(row);
            return (
              <VirtualRow
                key={key}
                row={row}
                index={item.index}
                isSelected={selected === undefined ? undefined : key === selected}
                columns={columns}
                height={rowHeight}
                onOpen={onOpen}
              />
            );
          })}
          {below > 0 && <tr aria-hidden style={{ height: below }} />}
        </tbody>
      </table>
      {foot}
    </section>
  );
}
