import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { bucketLabel, type Granularity, stepOf } from '../lib/moment';
import { OTHER, type Series, type Stacked } from './stack';

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const seriesColour = (key: string, place: number) =>
  key === OTHER ? '--s0' : `--s${(place % 8) + 1}`;

/** The square before a series' name in the table under a chart. */
export const Swatch = ({ series, place }: { series: string; place: number }) => (
  <span
    aria-hidden
    className="painted mr-2 inline-block size-2.5 flex-none rounded-s"
    style={{ background: `var(${seriesColour(series, place)})` }}
  />
);

const BAR = { share: 0.72, most: 28 };

/** A line of the page's colour between the parts of a bar, where they are high enough to spare it. */
function drawGaps(chart: uPlot, { moments, series }: Stacked<number>, colour: string) {
  const [first = 0, second = first + 1] = moments.map(at => chart.valToPos(at / 1000, 'x', true));
  const line = devicePixelRatio;
  const width = Math.min((second - first) * BAR.share, BAR.most * line) + 2 * line;
  chart.ctx.fillStyle = colour;
  moments.forEach((at, column) => {
    const middle = chart.valToPos(at / 1000, 'x', true);
    for (const part of series) {
      const value = part.values[column] ?? 0;
      const upper = part.upper[column] ?? 0;
      const top = chart.valToPos(upper, 'y', true);
      const height = chart.valToPos(upper - value, 'y', true) - top;
      if (height >= 4 * line) chart.ctx.fillRect(middle - width / 2, top, width, line);
    }
  });
}

/** What is nothing is not drawn: a bar of no height would leave a line. */
const drawnHeights = (series: Series<number>) =>
  series.upper.map((height, place) => (series.values[place] ? height : null));

type Props = {
  /** Heights are numbers: what is money is reckoned elsewhere. */
  data: Stacked<number>;
  granularity: Granularity;
  /** For those who do not see it: what it shows, with the totals. */
  label: string;
  axis: (value: number) => string;
  height?: number;
  colours?: string[];
  onHover?: (place: number | null) => void;
};

export function StackedBars({ data, granularity, label, axis: tick, height = 200, colours, onHover }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const hover = useRef(onHover);
  hover.current = onHover;
  const format = useRef(tick);
  format.current = tick;
  const [drawn, setDrawn] = useState(0);
  useEffect(() => {
    const again = () => setDrawn(times => times + 1);
    // Text on a canvas needs the font to be there first, and colours are read when it is drawn.
    void document.fonts.ready.then(again);
    addEventListener('themechange', again);
    return () => removeEventListener('themechange', again);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `drawn` counts the reasons to draw anew
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const half = stepOf(granularity) / 2000;
    const bars = uPlot.paths.bars?.({ size: [BAR.share, BAR.most] });
    const common = {
      stroke: css('--ink-3'),
      font: `11px ${getComputedStyle(document.body).fontFamily}`,
      ticks: { show: false },
    };
    const plot = new uPlot(
      {
        width: element.clientWidth || 600,
        height,
        padding: [8, 8, 0, 0],
        legend: { show: false },
        tzDate: seconds => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
        cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
        scales: {
          x: { time: true, range: (_, min, max) => [min - half, max + half] },
          y: { range: (_, __, max) => [0, (max || 1) * 1.05] },
        },
        axes: [
          {
            ...common,
            space: 84,
            size: 26,
            grid: { show: false },
            values: (_, at) => at.map(seconds => bucketLabel(seconds * 1000, granularity)),
          },
          {
            ...common,
            size: (_, shown) => Math.max(40, ...(shown ?? []).map(text => text.length * 6.4 + 16)),
            grid: { stroke: css('--rule'), width: 1 },
            values: (_, at) => at.map(value => format.current(value)),
          },
        ],
        series: [
          {},
          ...data.series
            .map((series, place) => ({
              label: series.key,
              fill: css(colours?.[place] ?? seriesColour(series.key, place)),
              width: 0,
              paths: bars,
              points: { show: false },
            }))
            .reverse(),
        ],
        hooks: {
          draw: [chart => drawGaps(chart, data, css('--paper'))],
          setCursor: [
            chart =>
              hover.current?.(
                chart.cursor.left != null && chart.cursor.left >= 0 ? (chart.cursor.idx ?? null) : null,
              ),
          ],
        },
      },
      [data.moments.map(at => at / 1000), ...data.series.map(drawnHeights).reverse()],
      element,
    );
    const resize = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.destroy();
    };
  }, [data, granularity, height, drawn]);
  return <div ref={host} role="img" aria-label={label} style={{ minHeight: height }} className="min-w-0" />;
}
