import type { ReactNode } from 'react';
import { ApiError, NoAnswer } from '../api/client';
import { Button } from './button';

/** What can be done about a failure, besides trying again. */
function nextStep(error: Error): string | null {
  if (error instanceof NoAnswer) return 'See that it runs and can be reached.';
  if (!(error instanceof ApiError)) return null;
  if (error.status === 403) return null;
  if (error.status === 404) return 'It may have been deleted.';
  if (error.status === 408) return 'Ask about less time.';
  if (error.status === 429) return 'Wait a moment.';
  if (error.status >= 500) return 'The server’s log has the cause.';
  return null;
}

export function Failure({ what, error, onRetry }: { what: string; error: Error; onRetry?: () => void }) {
  const step = nextStep(error);
  const status = error instanceof ApiError ? ` (${error.status})` : '';
  return (
    <div role="alert" className="max-w-prose border-l-2 border-bad py-1 pl-4">
      <p className="font-semibold">{what} could not be loaded</p>
      <p className="mt-0.5 break-words text-ink-2">
        {error.message}
        {status}
        {step && `. ${step}`}
      </p>
      {error instanceof ApiError && error.request && (
        <p className="text-xs text-ink-3">
          Request <code className="font-mono select-all">{error.request}</code>
        </p>
      )}
      {onRetry && (
        <Button className="mt-2" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** Says why a change was refused, beside the button that asked for it. */
export const Refusal = ({ error }: { error: Error | null }) =>
  error && (
    <p role="alert" className="max-w-prose border-l-2 border-bad pl-3 text-sm break-words text-bad">
      {error instanceof NoAnswer
        ? `${error.message}: this may have been done, or not. See that it can be reached, and look before you ask for it again.`
        : error.message}
    </p>
  );

export function Empty({
  title,
  children,
  action,
}: {
  title: string;
  children: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="flex flex-col items-start gap-3 rounded-l border border-dashed border-edge p-6">
      <h2 className="text-md font-semibold">{title}</h2>
      <div className="w-full max-w-prose text-ink-2">{children}</div>
      {action}
    </div>
  );
}

const Skeleton = ({ what, lines }: { what: string; lines: number }) => (
  <div role="status" aria-label={`Loading ${what.toLowerCase()}`} className="late grid gap-2.5 py-2">
    {Array.from({ length: lines }, (_, line) => (
      <span
        key={line}
        className="h-3.5 rounded-s bg-sunken"
        style={{ width: `${92 - ((line * 17) % 40)}%` }}
      />
    ))}
  </div>
);

type LoadProps<T> = {
  query: { data: T | undefined; error: Error | null; refetch: () => Promise<unknown> };
  /** What is loaded, as it begins a sentence. */
  what: string;
  lines?: number;
  children: (data: T) => ReactNode;
};

/** Loading, failed or there: each panel by itself, so that one failure takes nothing else away. What
    was loaded before stays in sight when a renewal fails. */
export function Load<T>({ query, what, lines = 4, children }: LoadProps<T>) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <Failure what={what} error={query.error} onRetry={() => void query.refetch()} />;
  return <Skeleton what={what} lines={lines} />;
}
