import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { analyticsQuery } from '../../api/analytics';
import { ApiError, publicAddress } from '../../api/client';
import { endpointsQuery, type Model, modelQuery, modelsQuery, writesText } from '../../api/queries';
import { overTime } from '../../charts/over-time';
import { StackedBars } from '../../charts/stacked-bars';
import { asCode } from '../../chat/as-code';
import { contextLength, count, UNKNOWN } from '../../lib/format';
import { dateOf } from '../../lib/moment';
import { price } from '../../lib/money';
import { buttonClass } from '../../ui/button';
import { CopyButton } from '../../ui/copy';
import { Checkbox } from '../../ui/field';
import { Facts, LoadPage, Page, Section } from '../../ui/page';
import { Snippet } from '../../ui/snippet';
import { Load } from '../../ui/states';
import { linkTo, nameOf } from '../models/filter';
import { EndpointTable } from './endpoints';
import { nearest } from './nearest';

const route = getRouteApi('/models/$author/$slug');

export function ModelPage() {
  const { author, slug } = route.useParams();
  const id = `${author}/${slug}`;
  const query = useQuery(modelQuery(id));
  if (query.error instanceof ApiError && query.error.status === 404) return <Unknown id={id} />;
  return (
    <LoadPage title={id} query={query} what={`The model ${id}`} lines={10}>
      {model => <Shown model={model} />}
    </LoadPage>
  );
}

function Unknown({ id }: { id: string }) {
  const models = useQuery(modelsQuery);
  const close = nearest(id, models.data?.map(model => model.id) ?? []);
  return (
    <Page title="No such model">
      <p className="text-ink-2">
        <code className="font-mono text-xs">{id}</code> is not in the catalogue, or nobody who serves it can
        be reached.
      </p>
      {close.length > 0 && (
        <ul className="grid gap-1" aria-label="Similar names">
          {close.map(one => (
            <li key={one}>
              <Link {...linkTo(one)} className="font-mono text-sm text-accent underline">
                {one}
              </Link>
            </li>
          ))}
        </ul>
      )}
      <Link to="/models" className="text-accent underline">
        All models
      </Link>
    </Page>
  );
}

function Shown({ model }: { model: Model }) {
  const endpoints = useQuery({ ...endpointsQuery(model.id), refetchInterval: 30_000 });
  const p = model.pricing;
  const inputs = model.architecture.input_modalities.join(', ');
  const [pinned, setPinned] = useState<string[]>([]);
  const [onlyThese, setOnlyThese] = useState(false);
  const pin = (tag: string) =>
    setPinned(now => (now.includes(tag) ? now.filter(one => one !== tag) : [...now, tag]));
  const answers = writesText(model);
  const outputs = model.architecture.output_modalities as string[];
  const body = {
    model: model.id,
    ...(answers ? { messages: [{ role: 'user', content: 'Hello!' }] } : { input: 'Hello!' }),
    ...(pinned.length > 0 && {
      provider: onlyThese ? { order: pinned, allow_fallbacks: false } : { order: pinned },
    }),
  };
  const also: [string, string | undefined][] = [
    ['Read from cache', p.input_cache_read],
    ['Written to cache', p.input_cache_write],
    ['Reasoning', p.internal_reasoning],
  ];
  const facts: [string, React.ReactNode][] = [
    ['Context', contextLength(model.context_length)],
    ['Longest answer', contextLength(model.top_provider.max_completion_tokens)],
    ['In, a million tokens', price(p.prompt)],
    ['Out, a million tokens', price(p.completion)],
    ...also
      .filter(([, value]) => value !== undefined && Number(value) !== 0)
      .map(([label, value]): [string, string] => [`${label}, a million`, price(value)]),
    ...(p.request && Number(p.request)
      ? ([['A request', price(Number(p.request) / 1e6)]] as [string, string][])
      : []),
    ['Takes', inputs],
    ['Gives', outputs.join(', ')],
    ['Since', model.created ? dateOf(model.created * 1000) : UNKNOWN],
    ...(model.expiration_date ? ([['Ends', dateOf(model.expiration_date)]] as [string, string][]) : []),
  ];
  return (
    <Page
      title={nameOf(model)}
      note={<code className="font-mono text-xs">{model.id}</code>}
      actions={
        <>
          <CopyButton text={model.id} label="Copy slug" />
          {answers && (
            <Link to="/playground" search={{ models: model.id }} className={buttonClass('primary')}>
              Try it
            </Link>
          )}
        </>
      }
    >
      {model.description && <p className="max-w-prose text-ink-2">{model.description}</p>}
      <Section title="Endpoints" note="speed and uptime as measured here: last 30 minutes, last day">
        <Load query={endpoints} what="Endpoints" lines={3}>
          {found => (
            <EndpointTable endpoints={found} model={model.id} answers={answers} pinned={pinned} pin={pin} />
          )}
        </Load>
      </Section>
      <div className="grid grid-cols-2 gap-x-10 gap-y-8 max-lg:grid-cols-1">
        <Section title="Call it">
          {pinned.length > 0 && (
            <div className="mb-3 grid gap-2">
              <p className="text-ink-2">
                Tried in this order: {pinned.join(', ')}.{' '}
                <button type="button" className="text-accent underline" onClick={() => setPinned([])}>
                  Pin none
                </button>
              </p>
              <Checkbox
                label="No others"
                hint="Off: other providers are tried when these fail."
                checked={onlyThese}
                onChange={event => setOnlyThese(event.target.checked)}
              />
            </div>
          )}
          {answers || outputs.includes('embeddings') ? (
            <Snippet
              code={language => asCode(language, publicAddress(), body as Parameters<typeof asCode>[2])}
            />
          ) : (
            <p className="text-ink-2">
              It gives {outputs.join(', ')} and no text. Programs ask its provider’s own API for that, which
              is passed through at{' '}
              <code className="font-mono text-xs">{publicAddress()}/passthrough/PROVIDER/…</code>
            </p>
          )}
        </Section>
        <Section title="Prices and limits">
          <Facts facts={facts} />
        </Section>
      </div>
      <ModelActivity id={model.id} />
      {model.supported_parameters.length > 0 && (
        <Section title="Parameters">
          <ul className="flex flex-wrap gap-1.5">
            {model.supported_parameters.map(parameter => (
              <li key={parameter}>
                <Link
                  to="/models"
                  search={{ supported_parameters: parameter }}
                  className="rounded-s bg-sunken px-1.5 py-0.5 font-mono text-xs hover:bg-wash"
                >
                  {parameter}
                </Link>
              </li>
            ))}
          </ul>
        </Section>
      )}
    </Page>
  );
}

function ModelActivity({ id }: { id: string }) {
  const query = useQuery(
    analyticsQuery({
      metrics: ['request_count'],
      dimensions: ['provider'],
      filters: [{ field: 'model', value: id }],
      range: '30d',
      overTime: true,
    }),
  );
  const data = useMemo(
    () =>
      overTime(
        query.data?.rows ?? [],
        '30d',
        'request_count',
        false,
        row => String(row.provider) || 'No provider',
      ).drawn,
    [query.data],
  );
  return (
    <Section
      title="Requests by provider"
      note={
        <Link
          to="/activity"
          search={{ where: [`model:${id}`], by: 'provider', metric: 'request_count' }}
          className="text-accent underline"
        >
          Last 30 days, in detail
        </Link>
      }
    >
      <Load query={query} what="Activity of this model" lines={4}>
        {({ rows }) =>
          rows.length === 0 ? (
            <p className="text-ink-3">Nobody has asked it in the last 30 days.</p>
          ) : (
            <StackedBars
              data={data}
              granularity="day"
              axis={count}
              height={150}
              label={`Requests in 30 days. ${data.series.map(one => `${one.key} ${one.total}`).join(', ')}`}
            />
          )
        }
      </Load>
    </Section>
  );
}
