import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { useAllKeys } from '../../api/all-keys';
import { lastFailuresQuery } from '../../api/generations';
import { NEAR_LIMIT } from '../../api/queries';
import { providerStatesQuery } from '../../api/server';
import { Ticks } from '../../charts/ticks';
import { percent } from '../../lib/format';
import { dayOf, timeOf } from '../../lib/moment';
import { usd } from '../../lib/money';
import { LimitBar } from '../../ui/badge';
import { Section } from '../../ui/page';
import { Roundel } from '../../ui/roundel';
import { Load } from '../../ui/states';
import { ownLimitOf } from '../keys/binding';
import { ticksOf } from '../status/ticks';

const Quiet = ({ children }: { children: string }) => (
  <p className="border-t border-rule py-1.5 text-ink-3">{children}</p>
);

export function ProvidersToday() {
  const query = useQuery(providerStatesQuery('24h'));
  return (
    <Section title="Providers, last 24 hours">
      <Load query={query} what="Providers">
        {all => {
          const found = all.filter(one => one.uptime !== null).slice(0, 6);
          if (found.length === 0) return <Quiet>No traffic in this time.</Quiet>;
          return (
            <ul>
              {found.map(one => (
                <li key={one.slug} className="flex items-center gap-2 border-t border-rule py-1.5">
                  <Roundel name={one.name} />
                  <Link
                    to="/status"
                    search={{ provider: one.slug }}
                    className="min-w-0 flex-1 truncate hover:underline"
                  >
                    {one.name}
                  </Link>
                  <Ticks
                    ticks={ticksOf(one, '24h')}
                    label={`${one.name}: ${percent(one.uptime)} answered well, by the hour`}
                  />
                  <span className="num w-14">{percent(one.uptime)}</span>
                </li>
              ))}
            </ul>
          );
        }}
      </Load>
    </Section>
  );
}

export function KeysNearLimit() {
  const query = useAllKeys(NEAR_LIMIT);
  const near = useMemo(
    () =>
      (query.data?.keys ?? [])
        .flatMap(key => {
          const own = ownLimitOf(key);
          return own ? [{ key, ...own }] : [];
        })
        // Each workspace has an order of its own.
        .sort((a, b) => b.share - a.share)
        .slice(0, 4),
    [query.data],
  );
  const elsewhere = (id: string) => query.workspaces.find(one => one.id === id && one.slug !== 'default');
  return (
    <Section title="Keys nearest their own limit">
      <Load query={query} what="Keys" lines={2}>
        {() =>
          near.length === 0 ? (
            <Quiet>No key has a limit of its own.</Quiet>
          ) : (
            <ul className="grid grid-cols-[minmax(0,1fr)_auto_auto] gap-x-2">
              {near.map(({ key, limit, used, share, resets }) => (
                <li
                  key={key.hash}
                  className="col-span-3 grid grid-cols-subgrid items-center border-t border-rule py-1.5"
                >
                  <Link
                    to="/keys"
                    search={{ q: key.name, workspace: elsewhere(key.workspace_id)?.id }}
                    className="truncate hover:underline"
                  >
                    {key.name}
                  </Link>
                  <LimitBar share={share} label={`${percent(share)} used, starts afresh: ${resets}`} />
                  <span className="num text-right whitespace-nowrap">
                    {usd(used)} / {usd(limit)}
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Load>
    </Section>
  );
}

export function LastFailures() {
  const query = useQuery(lastFailuresQuery);
  return (
    <Section title="Last failures">
      <Load query={query} what="Requests" lines={3}>
        {({ rows }) =>
          rows.length === 0 ? (
            <Quiet>None.</Quiet>
          ) : (
            <ul>
              {rows.map(row => (
                <li key={row.id} className="border-t border-rule">
                  <Link
                    to="/logs"
                    search={{ id: row.id }}
                    className="flex items-center gap-2 py-1.5 hover:bg-wash"
                  >
                    <time dateTime={row.createdAt} className="text-ink-3 tabular-nums">
                      {dayOf(row.createdAt) === dayOf(Date.now())
                        ? timeOf(row.createdAt)
                        : dayOf(row.createdAt)}
                    </time>
                    <code className="min-w-0 flex-1 truncate font-mono text-xs">{row.model}</code>
                    <span className="text-xs text-bad">
                      {row.errorType?.replaceAll('_', ' ') ?? 'failed'}
                    </span>
                  </Link>
                </li>
              ))}
            </ul>
          )
        }
      </Load>
    </Section>
  );
}
