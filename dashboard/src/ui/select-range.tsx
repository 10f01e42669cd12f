import { RANGES, type Range } from '../lib/moment';
import { Select } from './field';

/** The stretch of time a page tells of. The page says beside it that days are UTC. */
export const SelectRange = ({
  value,
  onChange,
  offered = RANGES.map(one => one.value),
}: {
  value: Range;
  onChange: (range: Range) => void;
  offered?: Range[];
}) => (
  <Select
    aria-label="Range"
    className="max-w-36"
    value={value}
    onChange={event => onChange(event.target.value as Range)}
  >
    {RANGES.filter(one => offered.includes(one.value)).map(one => (
      <option key={one.value} value={one.value}>
        {one.label}
      </option>
    ))}
  </Select>
);
