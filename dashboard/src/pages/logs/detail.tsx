import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { X } from 'lucide-react';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { ApiError, api, publicAddress, read } from '../../api/client';
import { type LogRow, rowQuery, timesOf } from '../../api/generations';
import { type Generation, generationQuery } from '../../api/queries';
import { asCode } from '../../chat/as-code';
import { count, duration, percent, speed as speedText, UNKNOWN } from '../../lib/format';
import { momentOf } from '../../lib/moment';
import { nano, usdExact } from '../../lib/money';
import { Badge } from '../../ui/badge';
import { Button, buttonClass, IconButton } from '../../ui/button';
import { CopyButton, CopyIcon } from '../../ui/copy';
import { Field, Select, TextArea } from '../../ui/field';
import { Facts } from '../../ui/page';
import { Load, Refusal } from '../../ui/states';
import { Track } from '../../ui/track';
import { linkTo } from '../models/filter';

type Props = {
  id: string;
  /** The row of the list, where it is among those that are loaded: it knows names. */
  row: LogRow | undefined;
  onClose: () => void;
};
export function LogDetail({ id, row, onClose }: Props) {
  const query = useQuery(generationQuery(id));
  // A link may lead to what is not among the rows that are loaded.
  const { data: found } = useQuery({ ...rowQuery(id), enabled: row === undefined });
  const heading = useId();
  const detail = useRef<HTMLElement>(null);
  // Whoever opened it by a key reads on here; the list may be hidden behind it.
  useEffect(() => detail.current?.focus({ preventScroll: true }), []);
  return (
    <aside
      ref={detail}
      tabIndex={-1}
      aria-labelledby={heading}
      className="flex w-108 flex-none flex-col gap-5 overflow-y-auto border-l border-rule bg-panel px-5 py-6 outline-none max-lg:w-full"
    >
      <header className="flex items-start justify-between gap-2">
        <div className="min-w-0">
          <h2 id={heading} className="text-md font-semibold">
            Request detail
          </h2>
          <div className="flex items-center gap-1">
            <code className="block truncate font-mono text-xs text-ink-3">{id}</code>
            <CopyIcon text={id} label="Copy the id" />
          </div>
        </div>
        <IconButton label="Close detail" onClick={onClose}>
          <X size={16} aria-hidden />
        </IconButton>
      </header>
      <Load query={query} what="This request" lines={10}>
        {generation => <Detail generation={generation} row={row ?? found ?? undefined} />}
      </Load>
    </aside>
  );
}

const SETTLED: Record<string, string> = {
  usage: 'as the provider told it',
  drained: 'as the provider told it, after the caller left',
  metered: 'counted here',
  estimated: 'estimated here',
  none: 'nothing to settle',
};

function Detail({ generation: g, row }: { generation: Generation; row: LogRow | undefined }) {
  const tokens = g.native_tokens_completion;
  const { all, writing, speed } = timesOf({ latency: g.latency, elapsed: g.generation_time, tokens });
  const written = `${count(tokens)} tokens${speed === null ? '' : ` at ${speedText(speed)}`}`;
  const cost = g.price_state === 'unknown' ? 'price not known' : usdExact(nano(g.total_cost));
  const discount = g.cache_discount ? usdExact(nano(g.cache_discount)) : null;
  return (
    <>
      <div className="flex flex-wrap items-center gap-2">
        <Link {...linkTo(g.model)} className="font-mono text-sm hover:underline">
          {g.model}
        </Link>
        <Badge tone={g.status >= 400 ? 'bad' : 'ok'}>{g.status}</Badge>
        {g.cancelled && <Badge tone="warn">cancelled</Badge>}
        {g.is_byok && <Badge>own provider key</Badge>}
        {g.error_type && <Badge tone="bad">{g.error_type}</Badge>}
      </div>
      <section aria-label="Route">
        <h3 className="mb-1 text-xs text-ink-3">Route{g.router && `, by ${g.router}`}</h3>
        <Track
          stops={g.provider_responses.map(one => ({
            provider: one.provider_name,
            status: one.status ?? null,
            latency: one.latency,
          }))}
          end={{ text: written, time: writing || undefined }}
        />
      </section>
      <Facts
        facts={[
          ['Cost', cost],
          ...(discount ? ([['Cache discount', discount]] as [string, string][]) : []),
          ['Tokens in', `${count(g.native_tokens_prompt)}`],
          [
            'of which from cache',
            `${count(g.native_tokens_cached)}${g.native_tokens_prompt ? ` (${percent(g.native_tokens_cached / g.native_tokens_prompt)})` : ''}`,
          ],
          ['Tokens out', count(g.native_tokens_completion)],
          ['of which reasoning', count(g.native_tokens_reasoning)],
          ['Counted', SETTLED[g.settled_by] ?? g.settled_by],
          ...(row ? ([['First token', duration(row.firstToken)]] as [string, string][]) : []),
          ['First byte', duration(g.latency)],
          ['Writing', duration(writing || null)],
          ['In all', duration(all)],
          ['Finish', [g.finish_reason, g.native_finish_reason].filter(Boolean).join(' / ') || UNKNOWN],
          ['Streamed', g.streamed ? 'yes' : 'no'],
          ['Time', momentOf(g.created_at)],
          ...(row
            ? ([
                ['Key', <KeyLink key="key" row={row} />],
                ['Application', row.app ?? UNKNOWN],
              ] as [string, ReactNode][])
            : []),
          ['Session', g.session_id ? <SessionLink key="session" session={g.session_id} /> : UNKNOWN],
          ['User', g.external_user ?? UNKNOWN],
          ['Caller', g.http_referer || g.user_agent || UNKNOWN],
          ['Provider’s id', g.upstream_id ?? UNKNOWN],
          ['Request', g.request_id],
        ]}
      />
      <div className="flex flex-wrap gap-2">
        <Link to="/playground" search={{ models: g.model }} className={buttonClass()}>
          Open in playground
        </Link>
        <CopyButton kind="quiet" label="Copy link" text={location.href} />
      </div>
      <Content generation={g} />
      <Feedback id={g.id} />
    </>
  );
}

const KeyLink = ({ row }: { row: LogRow }) => (
  <Link to="/logs" search={now => ({ ...now, key: row.keyHash })} className="text-accent underline">
    {row.keyName || row.keyHash.slice(0, 8)}
  </Link>
);

const SessionLink = ({ session }: { session: string }) => (
  <Link to="/logs" search={now => ({ ...now, session })} className="text-accent underline">
    {session}
  </Link>
);

type Stored = { input?: unknown; output?: unknown; error?: unknown };
const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));

/** Prompt and answer are read when somebody wants to see them, and not before. */
function Content({ generation }: { generation: Generation }) {
  const [wanted, setWanted] = useState(false);
  const query = useQuery({
    queryKey: ['generation-content', generation.id],
    enabled: wanted,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async (): Promise<Stored | null> => {
      try {
        const path = `api/v1/generation/content?id=${encodeURIComponent(generation.id)}`;
        return (await read<{ data: Stored }>(path)).data;
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }
    },
  });
  if (!wanted) {
    return (
      <Button className="self-start" onClick={() => setWanted(true)}>
        Show prompt and answer
      </Button>
    );
  }
  return (
    <Load query={query} what="Prompt and answer" lines={2}>
      {stored => (stored ? <Shown stored={stored} model={generation.model} /> : <NotStored />)}
    </Load>
  );
}

const NotStored = () => (
  <p role="status" className="rounded-m bg-sunken p-3 text-xs text-ink-2">
    <b className="block text-ink">Prompt and answer are not stored</b>
    The record has figures only.
  </p>
);

const PARTS = [
  ['input', 'Prompt'],
  ['output', 'Answer'],
  ['error', 'Error'],
] as const;

function Shown({ stored, model }: { stored: Stored; model: string }) {
  return (
    <section aria-label="Prompt and answer" className="grid gap-3">
      {PARTS.filter(([part]) => stored[part] != null).map(([part, label]) => (
        <div key={part}>
          <h3 className="mb-1 text-xs text-ink-3">{label}</h3>
          <section tabIndex={0} aria-label={label} className="max-h-72 overflow-auto rounded-m bg-sunken p-3">
            <pre className="font-mono text-xs whitespace-pre-wrap">{asText(stored[part])}</pre>
          </section>
        </div>
      ))}
      <Replay model={model} input={stored.input} />
    </section>
  );
}

function Replay({ model, input }: { model: string; input: unknown }) {
  const messages = Array.isArray(input) ? input : (input as { messages?: unknown })?.messages;
  if (!Array.isArray(messages)) return null;
  return (
    <div>
      <CopyButton
        kind="quiet"
        label="Copy as curl"
        text={() => asCode('curl', publicAddress(), { model, messages })}
      />
    </div>
  );
}

const CATEGORIES = [
  ['incorrect_response', 'The answer is wrong'],
  ['incoherence', 'It makes no sense'],
  ['formatting', 'It has the wrong form'],
  ['latency', 'It was slow'],
  ['billing', 'The cost is wrong'],
  ['api_error', 'It failed'],
  ['other', 'Something else'],
] as const;

function Feedback({ id }: { id: string }) {
  const sending = useMutation({
    mutationFn: (form: FormData) =>
      api.POST('/api/v1/generation/feedback', {
        body: {
          generation_id: id,
          category: String(form.get('category')),
          comment: String(form.get('comment')) || null,
        },
      }),
  });
  if (sending.isSuccess) return <p role="status">Noted with the record of this request. Thank you.</p>;
  return (
    <details>
      <summary className="cursor-pointer text-sm text-ink-2">Report a problem with this request</summary>
      <form
        className="mt-3 grid gap-3"
        onSubmit={event => {
          event.preventDefault();
          sending.mutate(new FormData(event.currentTarget));
        }}
      >
        <Field label="What is the matter?">
          {wiring => (
            <Select {...wiring} name="category">
              {CATEGORIES.map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label="Comment">
          {wiring => <TextArea {...wiring} name="comment" rows={2} maxLength={1000} />}
        </Field>
        <Refusal error={sending.error} />
        <Button type="submit" className="justify-self-start" disabled={sending.isPending}>
          Report
        </Button>
      </form>
    </details>
  );
}
