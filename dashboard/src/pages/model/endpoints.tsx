import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { postJson, read } from '../../api/client';
import type { Endpoint } from '../../api/queries';
import { contextLength, duration, percent, speed } from '../../lib/format';
import { price } from '../../lib/money';
import { Badge } from '../../ui/badge';
import { Roundel } from '../../ui/roundel';
import { Empty } from '../../ui/states';
import { type Column, Table } from '../../ui/table';
import { placesOf } from './places';

type Route = {
  attempts: { tag: string; provider: string; why: string[] }[];
  exclusions?: { tag?: string; endpoint?: string; provider?: string; rule?: string; reason?: string }[];
};

/** The order in which a request would be tried now, with what would be left out and why. */
function useRoute(model: string, answers: boolean) {
  return useQuery({
    queryKey: ['route', model],
    // What does not answer in a conversation would be left out of one.
    enabled: answers,
    staleTime: 10_000,
    retry: false,
    queryFn: async () => {
      const body = { model, messages: [{ role: 'user', content: 'Hello!' }] };
      return (await read<{ data: Route }>('api/v1/route', postJson(body))).data;
    },
  });
}

type TableProps = {
  endpoints: Endpoint[];
  model: string;
  /** Whether it answers in a conversation. */
  answers: boolean;
  /** Tags, in the order in which they are to be tried. */
  pinned: string[];
  pin: (tag: string) => void;
};

export function EndpointTable({ endpoints, model, answers, pinned, pin }: TableProps) {
  const { data: route } = useRoute(model, answers);
  if (endpoints.length === 0) {
    return (
      <Empty title="Nobody serves this model to you">
        Store a key of a provider that does, under{' '}
        <Link to="/byok" className="text-accent underline">
          provider keys
        </Link>
        .
      </Empty>
    );
  }
  const places = placesOf(route?.attempts ?? []);
  const first = (one: Endpoint) => places.get(one.tag)?.[0]?.at ?? Number.POSITIVE_INFINITY;
  const rows = route ? [...endpoints].sort((a, b) => first(a) - first(b) || 0) : endpoints;
  const columns: Column<Endpoint>[] = [
    ...(route
      ? [
          {
            key: 'place',
            label: 'Tried',
            cell: (one: Endpoint) => {
              const found = places.get(one.tag);
              return found ? (
                <span title={found.map(({ at, why }) => `${at}: ${why}`).join('\n')}>
                  {found.map(({ at }) => at).join(', ')}
                </span>
              ) : (
                <span className="text-ink-3">left out</span>
              );
            },
          },
        ]
      : []),
    {
      key: 'provider',
      label: 'Provider',
      cell: one => (
        <span className="flex items-center gap-2">
          <Roundel name={one.provider_name} />
          <span>
            <span className="font-semibold">{one.provider_name}</span>
            {one.status !== undefined && one.status !== 0 && <Badge tone="warn">held back</Badge>}
            <code className="block font-mono text-2xs text-ink-3">
              {one.tag}
              {one.quantization && one.quantization !== 'unknown' && ` ${one.quantization}`}
            </code>
          </span>
        </span>
      ),
    },
    {
      key: 'context',
      label: 'Context',
      numeric: true,
      from: 24,
      cell: one => contextLength(one.context_length),
    },
    {
      key: 'most',
      label: 'Longest answer',
      numeric: true,
      from: 54,
      cell: one => contextLength(one.max_completion_tokens),
    },
    { key: 'in', label: 'In / M', numeric: true, cell: one => price(one.pricing.prompt) },
    { key: 'out', label: 'Out / M', numeric: true, cell: one => price(one.pricing.completion) },
    {
      key: 'p50',
      label: 'Latency p50',
      numeric: true,
      from: 40,
      cell: one => duration(one.latency_last_30m?.p50),
    },
    { key: 'p90', label: 'p90', numeric: true, from: 54, cell: one => duration(one.latency_last_30m?.p90) },
    {
      key: 'speed',
      label: 'Speed p50',
      numeric: true,
      from: 40,
      cell: one => speed(one.throughput_last_30m?.p50),
    },
    {
      key: 'half',
      label: 'Uptime, 30 min',
      numeric: true,
      from: 40,
      cell: one => uptime(one.uptime_last_30m),
    },
    { key: 'day', label: '1 d', numeric: true, from: 54, cell: one => uptime(one.uptime_last_1d) },
    {
      key: 'pin',
      label: 'Pin',
      cell: one => (
        <input
          type="checkbox"
          className="size-4 accent-accent align-middle"
          aria-label={`Pin ${one.tag}`}
          title="Puts it into the example below"
          checked={pinned.includes(one.tag)}
          onChange={() => pin(one.tag)}
        />
      ),
    },
  ];
  return (
    <>
      <Table label="Endpoints" rows={rows} columns={columns} rowKey={one => one.tag} />
      {route && (
        <p className="mt-2 text-xs text-ink-3">
          In the order in which a short request would be tried now. Rest on a number to read why.
        </p>
      )}
    </>
  );
}

/** The API tells uptimes in percent. */
const uptime = (value: number | null | undefined) => {
  const share = value == null ? null : value / 100;
  return <span className={share !== null && share < 0.97 ? 'text-warn' : ''}>{percent(share)}</span>;
};
