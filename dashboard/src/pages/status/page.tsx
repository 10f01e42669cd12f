import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { ExternalLink } from 'lucide-react';
import { useMemo } from 'react';
import { providersQuery } from '../../api/queries';
import { type ProviderState, providerStatesQuery, type StatusWindow } from '../../api/server';
import { Ticks } from '../../charts/ticks';
import { count, percent, percentileTime } from '../../lib/format';
import { momentOf } from '../../lib/moment';
import { OVER, useClose } from '../../shell/over';
import { Badge } from '../../ui/badge';
import { Button, buttonClass } from '../../ui/button';
import { Dialog, DialogActions } from '../../ui/dialog';
import { Choice } from '../../ui/field';
import { Page } from '../../ui/page';
import { Roundel } from '../../ui/roundel';
import { Load } from '../../ui/states';
import { type Column, Name, Table } from '../../ui/table';
import { FirstRequest } from '../first-request';
import { blame, stepOfWindow, ticksOf } from './ticks';

const route = getRouteApi('/status');
const WINDOWS = [
  { value: '1h', label: 'Hour' },
  { value: '24h', label: 'Day' },
  { value: '90d', label: '90 days' },
] as const;

export function StatusPage() {
  const { window = '24h', provider } = route.useSearch();
  const navigate = route.useNavigate();
  const query = useQuery({ ...providerStatesQuery(window), refetchInterval: 30_000 });
  const show = (slug: string) => void navigate({ search: now => ({ ...now, provider: slug }), state: OVER });
  const close = useClose(
    () => void navigate({ search: now => ({ ...now, provider: undefined }), replace: true }),
  );
  return (
    <Page
      title="Provider status"
      note={`as this gateway’s own attempts went, by the ${stepOfWindow(window)}, UTC`}
      actions={
        <Choice
          label="Range"
          value={window}
          options={WINDOWS}
          onChange={next => void navigate({ search: now => ({ ...now, window: next }) })}
        />
      }
    >
      <Load query={query} what="Provider status" lines={6}>
        {found =>
          found.length === 0 ? (
            <FirstRequest title="No provider was asked in this time" />
          ) : (
            <>
              <Providers found={found} window={window} show={show} />
              <Detail one={found.find(one => one.slug === provider)} window={window} onClose={close} />
            </>
          )
        }
      </Load>
    </Page>
  );
}

const BREAKER = {
  closed: null,
  open: <Badge tone="bad">held back</Badge>,
  half_open: <Badge tone="warn">tried again</Badge>,
};
const CREDENTIAL = {
  ok: null,
  rejected: <Badge tone="bad">key rejected</Badge>,
  none: <Badge>no key</Badge>,
};

type ProvidersProps = { found: ProviderState[]; window: StatusWindow; show: (slug: string) => void };
function Providers({ found, window, show }: ProvidersProps) {
  const known = useQuery(providersQuery);
  const columns = useMemo<Column<ProviderState>[]>(() => {
    const page = new Map(known.data?.map(one => [one.slug, one.status_page_url]));
    return [
      {
        key: 'provider',
        label: 'Provider',
        cell: one => (
          <span className="flex items-center gap-2">
            <Roundel name={one.name} />
            <span className="flex flex-wrap items-center gap-x-2">
              <span className="flex items-center gap-2">
                <button
                  type="button"
                  className="min-h-6 text-left font-semibold hover:underline"
                  onClick={() => show(one.slug)}
                >
                  <Name text={one.name} />
                </button>
                {page.get(one.slug) && (
                  <a
                    href={page.get(one.slug) ?? undefined}
                    target="_blank"
                    rel="noreferrer noopener"
                    className="text-ink-3 hover:text-ink"
                    aria-label={`Status page of ${one.name}`}
                  >
                    <ExternalLink size={13} aria-hidden />
                  </a>
                )}
              </span>
              <span>
                {BREAKER[one.breaker]} {CREDENTIAL[one.credential]}
              </span>
            </span>
          </span>
        ),
      },
      {
        key: 'ticks',
        label: 'Attempts',
        cell: one => (
          <Ticks
            ticks={ticksOf(one, window)}
            label={`${one.name}: ${percent(one.uptime)} answered well`}
            className="max-w-[max(4rem,28cqi-1.5rem)]"
          />
        ),
      },
      {
        key: 'uptime',
        label: 'Good',
        numeric: true,
        cell: one => (
          <span className={one.uptime !== null && one.uptime < 0.95 ? 'font-semibold text-bad' : ''}>
            {percent(one.uptime)}
          </span>
        ),
      },
      {
        key: 'attempts',
        label: 'Attempts',
        numeric: true,
        from: 40,
        cell: one => count(one.ticks.reduce((sum, tick) => sum + tick.ok + tick.failed, 0)),
      },
      {
        key: 'failed',
        label: 'Failed',
        numeric: true,
        from: 40,
        cell: one => count(one.ticks.reduce((sum, tick) => sum + tick.failed, 0)),
      },
      {
        key: 'p50',
        label: 'First token p50',
        numeric: true,
        from: 40,
        cell: one => percentileTime(one.first_token_ms?.p50),
      },
      {
        key: 'p90',
        label: 'p90',
        numeric: true,
        from: 54,
        cell: one => percentileTime(one.first_token_ms?.p90),
      },
      {
        key: 'blame',
        label: 'Whose fault',
        from: 40,
        cell: one => <span className="block min-w-36 text-ink-2">{blame(one)}</span>,
      },
    ];
  }, [known.data, window, show]);
  return (
    <>
      <Table label="Providers" rows={found} columns={columns} rowKey={one => one.slug} />
      <p className="max-w-prose text-xs text-ink-3">
        A tall tick is an interval in which at least 99% of the attempts went well, a middle one at least 95%,
        a short one fewer; a dot is an interval without traffic.
      </p>
    </>
  );
}

function Detail({
  one,
  window,
  onClose,
}: {
  one: ProviderState | undefined;
  window: StatusWindow;
  onClose: () => void;
}) {
  return (
    <Dialog open={one !== undefined} onClose={onClose} title={one?.name ?? ''} wide>
      {one && (
        <div className="grid grid-cols-[minmax(0,1fr)] gap-5">
          <div className="flex flex-wrap items-center gap-3">
            <Ticks
              ticks={ticksOf(one, window)}
              label={`${percent(one.uptime)} answered well`}
              className="max-w-full"
            />
            {BREAKER[one.breaker] ?? <Badge tone="ok">asked as usual</Badge>} {CREDENTIAL[one.credential]}
          </div>
          {blame(one) && <p>{blame(one)}</p>}
          {one.errors.length > 0 && (
            <table className="w-full" aria-label="Kinds of errors">
              <tbody>
                {one.errors.map(error => (
                  <tr key={error.type} className="border-t border-rule">
                    <th scope="row" className="py-1 text-left font-normal">
                      <Link
                        to="/logs"
                        search={{ range: window, provider: one.name, error_type: error.type }}
                        className="hover:underline"
                      >
                        {error.type.replaceAll('_', ' ')}
                      </Link>
                    </th>
                    <td className="num">{count(error.count)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          {one.errors.length > 0 && (
            <p className="text-xs text-ink-3">
              Counted are attempts, those among them after which another provider answered. A kind leads to
              the requests that ended with it here, which may be fewer.
            </p>
          )}
          <section aria-label="Last failures">
            <h3 className="mb-1 font-semibold">Last failures</h3>
            {one.last_failures.length === 0 ? (
              <p className="text-ink-3">None.</p>
            ) : (
              <ul>
                {one.last_failures.map(failure => (
                  <li key={`${failure.id} ${failure.at}`} className="border-t border-rule py-1">
                    <Link to="/logs" search={{ id: failure.id }} className="hover:underline">
                      {momentOf(failure.at)}: {failure.type.replaceAll('_', ' ')}
                    </Link>
                    {failure.message && <p className="text-xs break-words text-ink-3">{failure.message}</p>}
                  </li>
                ))}
              </ul>
            )}
          </section>
          <DialogActions>
            <Link
              to="/activity"
              search={{ range: window, where: [`provider:${one.name}`] }}
              className={buttonClass('quiet')}
            >
              Activity
            </Link>
            <Link to="/logs" search={{ range: window, provider: one.name }} className={buttonClass('quiet')}>
              Logs
            </Link>
            <Button onClick={onClose}>Close</Button>
          </DialogActions>
        </div>
      )}
    </Dialog>
  );
}
