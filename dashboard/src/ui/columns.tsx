import { Columns3 } from 'lucide-react';
import { useMemo, useState } from 'react';
import { buttonClass } from './button';
import { Checkbox } from './field';
import type { Column } from './table';

/** What this browser keeps of a table: the columns that somebody wants not to see. */
const place = (table: string) => `hidden-columns:${table}`;
function kept(table: string, atFirst: readonly string[]): readonly string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(place(table)) ?? 'null');
    return Array.isArray(found) ? found.filter(one => typeof one === 'string') : atFirst;
  } catch {
    return atFirst;
  }
}

/** The columns of a table that are wanted, and the control to choose them. `always`: those without which
    a row says nothing; `atFirst`: those that are hidden until somebody wants them. */
export function useColumns<R>(
  table: string,
  columns: Column<R>[],
  always: readonly string[],
  atFirst: readonly string[] = [],
) {
  const [hidden, setHidden] = useState(() => kept(table, atFirst));
  const [open, setOpen] = useState(false);
  const shown = useMemo(
    () => columns.filter(column => always.includes(column.key) || !hidden.includes(column.key)),
    [columns, hidden, always],
  );
  const toggle = (key: string) => {
    const next = hidden.includes(key) ? hidden.filter(one => one !== key) : [...hidden, key];
    setHidden(next);
    localStorage.setItem(place(table), JSON.stringify(next));
  };
  const choice = (
    <details
      className="relative max-md:hidden"
      open={open}
      onToggle={event => setOpen(event.currentTarget.open)}
      onKeyDown={event => event.key === 'Escape' && setOpen(false)}
      onBlur={event =>
        event.relatedTarget && !event.currentTarget.contains(event.relatedTarget as Node) && setOpen(false)
      }
    >
      <summary className={`${buttonClass()} cursor-pointer list-none`}>
        <Columns3 size={14} aria-hidden />
        Columns
      </summary>
      <div className="absolute right-0 z-2 mt-1 grid w-48 gap-1.5 rounded-m border border-rule bg-panel p-3 shadow-float">
        {(open ? columns : [])
          .filter(column => !always.includes(column.key))
          .map(column => (
            <Checkbox
              key={column.key}
              label={column.label}
              checked={!hidden.includes(column.key)}
              onChange={() => toggle(column.key)}
            />
          ))}
        <p className="text-xs text-ink-3">What finds no room beside the others is left out.</p>
      </div>
    </details>
  );
  return [shown, choice] as const;
}
