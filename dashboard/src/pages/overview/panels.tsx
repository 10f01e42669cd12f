import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { analyticsQuery } from '../../api/analytics';
import { logsQuery } from '../../api/generations';
import { keysQuery } from '../../api/queries';
import { Ticks } from '../../charts/ticks';
import { percent } from '../../lib/format';
import { resetsAt, timeOf } from '../../lib/moment';
import { nano, toNumber, usd } from '../../lib/money';
import { LimitBar } from '../../ui/badge';
import { Section } from '../../ui/page';
import { Roundel } from '../../ui/roundel';
import { Load } from '../../ui/states';
import { statuses } from '../provider-status';

const Quiet = ({ children }: { children: string }) => (
  <p className="border-t border-rule py-1.5 text-ink-3">{children}</p>
);

export function ProvidersToday() {
  const query = useQuery(
    analyticsQuery({
      metrics: ['request_count', 'failure_count'],
      dimensions: ['provider'],
      range: '24h',
      overTime: true,
    }),
  );
  return (
    <Section title="Providers, last 24 hours">
      <Load query={query} what="Providers">
        {({ rows }) => {
          const found = statuses(rows, '24h').slice(0, 6);
          if (found.length === 0) return <Quiet>No traffic in this time.</Quiet>;
          return (
            <ul>
              {found.map(one => (
                <li key={one.provider} className="flex items-center gap-2 border-t border-rule py-1.5">
                  <Roundel name={one.provider} />
                  <Link
                    to="/status"
                    search={{ range: '24h' }}
                    className="min-w-0 flex-1 truncate hover:underline"
                  >
                    {one.provider}
                  </Link>
                  <Ticks
                    ticks={one.ticks}
                    label={`${one.provider}: ${percent(one.share)} answered well, by the hour`}
                  />
                  <span className="num w-14">{percent(one.share)}</span>
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
  const query = useInfiniteQuery(keysQuery());
  const near = useMemo(
    () =>
      (query.data?.pages.flat() ?? [])
        .filter(key => key.limit != null && !key.disabled)
        .map(key => {
          const [limit, left] = [nano(key.limit), nano(key.limit_remaining)];
          return {
            key,
            limit,
            used: limit - left,
            share: limit > 0n ? toNumber(limit - left) / toNumber(limit) : 1,
          };
        })
        .sort((a, b) => b.share - a.share)
        .slice(0, 4),
    [query.data],
  );
  return (
    <Section title="Keys nearest their limit">
      <Load query={query} what="Keys" lines={2}>
        {() =>
          near.length === 0 ? (
            <Quiet>No key has a limit.</Quiet>
          ) : (
            <ul>
              {near.map(({ key, limit, used, share }) => (
                <li key={key.hash} className="flex items-center gap-2 border-t border-rule py-1.5">
                  <Link
                    to="/keys"
                    search={{ q: key.name }}
                    className="min-w-0 flex-1 truncate hover:underline"
                  >
                    {key.name}
                  </Link>
                  <LimitBar
                    share={share}
                    label={`${percent(share)} used, starts afresh: ${resetsAt(key.limit_reset, Date.now())}`}
                  />
                  <span className="num whitespace-nowrap">
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

/** The list of requests cannot be asked for failures alone yet, so that the newest page is looked through. */
export function LastFailures() {
  const query = useInfiniteQuery(logsQuery({}));
  const failed = (query.data?.pages[0]?.rows ?? []).filter(row => row.status >= 400).slice(0, 5);
  return (
    <Section title="Failures among the last 100 requests">
      <Load query={query} what="Requests" lines={3}>
        {() =>
          failed.length === 0 ? (
            <Quiet>None.</Quiet>
          ) : (
            <ul>
              {failed.map(row => (
                <li key={row.id} className="border-t border-rule">
                  <Link
                    to="/logs"
                    search={{ id: row.id }}
                    className="flex items-center gap-2 py-1.5 hover:bg-wash"
                  >
                    <time dateTime={row.createdAt} className="text-ink-3 tabular-nums">
                      {timeOf(row.createdAt)}
                    </time>
                    <code className="min-w-0 flex-1 truncate font-mono text-xs">{row.model}</code>
                    <span className="font-mono text-xs text-bad">{row.status}</span>
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
