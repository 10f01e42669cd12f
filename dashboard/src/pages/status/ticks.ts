import type { ProviderState, StatusWindow } from '../../api/server';
import type { Tick } from '../../charts/ticks';
import { percent } from '../../lib/format';
import { bucketLabel, type Granularity } from '../../lib/moment';

const STEP: Record<StatusWindow, Granularity> = { '1h': 'minute', '24h': 'hour', '90d': 'day' };
export const stepOfWindow = (window: StatusWindow) => STEP[window];

/** An interval without traffic is one, and not a good one. */
export const ticksOf = (one: Pick<ProviderState, 'ticks'>, window: StatusWindow): Tick[] =>
  one.ticks.map(({ at, ok, failed }) => {
    const all = ok + failed;
    const share = all ? ok / all : null;
    const told = share === null ? 'no traffic' : `${percent(share)} of ${all}`;
    return { share, label: `${bucketLabel(Date.parse(at), STEP[window])}: ${told}` };
  });

/** Kinds of errors that say that our key is at fault, and not the provider. */
const OURS = ['authentication', 'permission_denied', 'payment_required', 'rate_limit_exceeded'];

/** Whose fault it is, in a sentence; null where nothing is wrong. */
export function blame(one: Pick<ProviderState, 'credential' | 'errors' | 'breaker' | 'name'>): string | null {
  if (one.credential === 'rejected') return `Ours: ${one.name} does not accept our key.`;
  if (one.credential === 'none') return 'Ours: there is no key of this provider.';
  const total = one.errors.reduce((sum, error) => sum + error.count, 0);
  if (total === 0) return null;
  const ours = one.errors.filter(error => OURS.includes(error.type));
  const share = ours.reduce((sum, error) => sum + error.count, 0) / total;
  if (share > 0.5) return 'Mostly ours: our key, its credit or its rate.';
  return `Mostly the provider’s.`;
}
