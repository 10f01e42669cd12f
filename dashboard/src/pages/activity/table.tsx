import type { Metric } from '../../api/analytics';
import { OTHER } from '../../charts/stack';
import { seriesColour } from '../../charts/stacked-bars';
import { percent } from '../../lib/format';
import { Name, Table } from '../../ui/table';
import { columnFormatter, type Group, type Told } from './groups';

type Props = {
  rows: Group[];
  metric: Metric;
  nameOf: (value: string) => string;
  /** Series as they are drawn: the first have colours of their own. */
  order: string[];
  /** The bucket under the pointer: its figures take the place of the sums. */
  bucket: { label: string; figure: (key: string) => number | string | null } | null;
  unit: string;
  onOpen: (value: string) => void;
};

export function GroupTable({ rows, metric, nameOf, order, bucket, unit, onOpen }: Props) {
  const column = (of: (row: Group) => Told) => {
    const write = columnFormatter(metric, rows.map(of));
    return (row: Group) => write(of(row));
  };
  const shown = column(row => (bucket ? bucket.figure(row.key) : row.whole));
  const swatch = (key: string) => {
    const place = order.indexOf(key);
    return `var(${place < 0 ? seriesColour(OTHER, 0) : seriesColour(key, place)})`;
  };
  return (
    <Table
      label={`${metric.display_label} by group`}
      rows={rows}
      rowKey={row => row.key}
      first={50}
      columns={[
        {
          key: 'group',
          label: 'Group',
          cell: row => (
            <span className="flex items-center">
              {!metric.is_rate && (
                <span
                  aria-hidden
                  className="painted mr-2 size-2.5 flex-none rounded-s"
                  style={{ background: swatch(row.key) }}
                />
              )}
              <button
                type="button"
                onClick={() => onOpen(row.key)}
                className="min-h-6 text-left hover:text-accent hover:underline"
              >
                <Name text={nameOf(row.key)} />
              </button>
            </span>
          ),
        },
        {
          key: 'whole',
          label: bucket ? bucket.label : metric.is_rate ? 'Whole range' : 'Sum',
          numeric: true,
          cell: row => <b className="font-semibold">{shown(row)}</b>,
        },
        {
          key: 'mean',
          label: `Mean ${unit === 'hour' ? 'an' : 'a'} ${unit}`,
          numeric: true,
          from: 40,
          cell: column(row => row.mean),
        },
        { key: 'least', label: 'Least', numeric: true, from: 40, cell: column(row => row.least) },
        { key: 'most', label: 'Most', numeric: true, from: 40, cell: column(row => row.most) },
        ...(metric.is_rate
          ? []
          : [{ key: 'share', label: 'Share', numeric: true, cell: (row: Group) => percent(row.share) }]),
      ]}
    />
  );
}
