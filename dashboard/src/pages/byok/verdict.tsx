import type { TestResult } from '../../api/credentials';
import { duration } from '../../lib/format';
import { momentOf } from '../../lib/moment';
import { Badge } from '../../ui/badge';

const TONE = { verified: 'ok', rejected: 'bad', unknown: 'warn' } as const;

/** Three states and not two: a provider that cannot be reached says nothing of the key. */
export function Verdict({ result, provider }: { result: TestResult; provider: string }) {
  const told = {
    verified: `${provider} accepts this key`,
    rejected: `${provider} does not accept this key`,
    unknown: 'Whether it is accepted is not known',
  }[result.state];
  return (
    <p className="border-l-2 border-edge pl-3">
      <Badge tone={TONE[result.state]}>{result.state}</Badge> {told}
      {result.latency_ms !== undefined && (
        <span className="text-ink-3"> ({duration(result.latency_ms)})</span>
      )}
      {result.state !== 'verified' && result.message && (
        <span className="block break-words text-ink-2">{result.message}</span>
      )}
    </p>
  );
}

export const LastResult = ({
  result,
}: {
  result: { state: TestResult['state']; message: string; at: string } | null;
}) =>
  result === null ? (
    <span className="text-ink-3">not tried</span>
  ) : (
    <span title={`${momentOf(result.at)}. ${result.message}`}>
      <Badge tone={TONE[result.state]}>{result.state}</Badge>
    </span>
  );
