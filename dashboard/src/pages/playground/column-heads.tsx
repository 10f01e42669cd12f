import { X } from 'lucide-react';
import { type CSSProperties, useEffect, useRef } from 'react';
import { Button, IconButton } from '../../ui/button';
import { Choice } from '../../ui/field';
import { Roundel } from '../../ui/roundel';
import { authorOf } from '../models/filter';

type Props = {
  ids: string[];
  chosen: string[];
  busy: boolean;
  /** The one column that is in sight, or all. */
  looking: number | null;
  isNarrow: boolean;
  style: CSSProperties;
  onLook: (place: number | null) => void;
  onChoose: (models: string[]) => void;
  onRemove: (place: number) => void;
};

/** Which model stands in which column. They scroll sideways with the answers, and stay above them. */
export function ColumnHeads(props: Props) {
  const { ids, chosen, busy, looking, isNarrow, style, onLook, onChoose, onRemove } = props;
  const replace = (place: number, model: string) =>
    onChoose(chosen.map((one, at) => (at === place ? model : one)));
  const heads = useRef<HTMLDivElement>(null);
  const removed = useRef<number | null>(null);
  // The column that moved up to where one was removed, or the last one.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is looked for when there are fewer columns
  useEffect(() => {
    const fields = heads.current?.querySelectorAll('select') ?? [];
    if (removed.current !== null) fields[Math.min(removed.current, fields.length - 1)]?.focus();
    removed.current = null;
  }, [chosen.length]);
  return (
    <div ref={heads} className="sticky top-0 z-1 grid gap-2 border-b border-rule bg-paper py-2 md:min-w-fit">
      {isNarrow && chosen.length > 1 && (
        <Choice
          label="Column"
          value={String(looking ?? 0)}
          options={chosen.map((_, place) => ({ value: String(place), label: `Model ${place + 1}` }))}
          onChange={place => onLook(Number(place))}
        />
      )}
      <div className="grid gap-6" style={style}>
        {chosen.map((id, place) => (
          <div
            key={place}
            hidden={looking !== null && looking !== place}
            className="flex min-w-0 items-center gap-1.5"
          >
            <Roundel name={authorOf(id)} />
            <select
              aria-label={`Model ${place + 1}`}
              value={id}
              disabled={busy}
              onChange={event => replace(place, event.target.value)}
              className="min-h-7 min-w-0 flex-1 rounded-s bg-transparent font-semibold"
            >
              {!ids.includes(id) && <option>{id}</option>}
              {ids.map(one => (
                <option key={one} className="bg-panel">
                  {one}
                </option>
              ))}
            </select>
            {chosen.length > 1 && !isNarrow && (
              <Button
                kind="quiet"
                className="px-1.5 text-xs"
                aria-pressed={looking === place}
                title={`Alt ${place + 1}`}
                onClick={() => onLook(looking === place ? null : place)}
              >
                {looking === place ? 'Show all' : 'Focus'}
              </Button>
            )}
            {chosen.length > 1 && (
              <IconButton
                label={`Remove ${id}`}
                disabled={busy}
                onClick={() => {
                  removed.current = place;
                  onRemove(place);
                }}
              >
                <X size={14} aria-hidden />
              </IconButton>
            )}
          </div>
        ))}
      </div>
    </div>
  );
}
