import { type ComponentProps, type ReactNode, useEffect, useId } from 'react';
import { Load } from './states';

type Props = {
  title: string;
  /** Beside the title: counts, the range, a remark. */
  note?: ReactNode;
  actions?: ReactNode;
  /** A page that is as high as the window and scrolls within. */
  fill?: boolean;
  children: ReactNode;
};

export function Page({ title, note, actions, fill, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Trunkline`;
  }, [title]);
  return (
    <div
      className={`flex flex-col gap-6 px-8 py-6 max-md:px-4 max-md:py-4 ${fill ? 'h-full min-h-120' : ''}`}
    >
      <header className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
        <div className="flex min-w-0 flex-wrap items-baseline gap-x-3">
          <h1 className="text-xl font-bold tracking-tight wrap-anywhere">{title}</h1>
          {note && <div className="text-ink-3">{note}</div>}
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** A page that is made of what is loaded: until then, and where it fails, its heading stands there. */
export function LoadPage<T>({ title, ...load }: { title: string } & ComponentProps<typeof Load<T>>) {
  return load.query.data === undefined ? (
    <Page title={title}>
      <Load {...load} />
    </Page>
  ) : (
    <Load {...load} />
  );
}

type SectionProps = {
  title: string;
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
};
export function Section({ title, note, actions, children, className = '' }: SectionProps) {
  const heading = useId();
  return (
    <section aria-labelledby={heading} className={`min-w-0 ${className}`}>
      <div className="mb-2 flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <h2 id={heading} className="text-md font-semibold">
          {title}
        </h2>
        {note && <div className="text-xs text-ink-3">{note}</div>}
        {actions}
      </div>
      {children}
    </section>
  );
}

export type Figure = { label: string; value: ReactNode; note?: ReactNode; title?: string };
/** Figures in a row, divided by rules as in a timetable's head. */
export function Figures({ figures }: { figures: Figure[] }) {
  return (
    <dl className="grid grid-cols-[repeat(auto-fit,minmax(9rem,1fr))] border-y border-rule">
      {figures.map(one => (
        <div
          key={one.label}
          className="border-rule py-2.5 pr-4 md:not-first:border-l md:not-first:pl-4"
          title={one.title}
        >
          <dt className="text-xs text-ink-3">{one.label}</dt>
          <dd className="text-lg font-semibold tabular-nums">{one.value}</dd>
          {one.note && <dd className="text-xs text-ink-3">{one.note}</dd>}
        </div>
      ))}
    </dl>
  );
}

/** Names and values, one under the other. */
export function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-6 text-sm">
      {facts.map(([name, value]) => (
        <div key={name} className="col-span-2 grid grid-cols-subgrid border-t border-rule py-1">
          <dt className="text-ink-3">{name}</dt>
          <dd className="min-w-0 text-right wrap-anywhere tabular-nums">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
