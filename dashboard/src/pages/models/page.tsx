import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { modelIdsQuery, modelsQuery, writesText } from '../../api/queries';
import { modelStatsQuery } from '../../api/server';
import { contextLength, count, duration, percent, UNKNOWN } from '../../lib/format';
import { price } from '../../lib/money';
import type { ModelsSearch } from '../../search';
import { Button, buttonClass } from '../../ui/button';
import { useColumns } from '../../ui/columns';
import { CopyIcon } from '../../ui/copy';
import { forgetTyped } from '../../ui/late-input';
import { LoadPage, Page } from '../../ui/page';
import { Roundel } from '../../ui/roundel';
import { Empty, Refusal } from '../../ui/states';
import { type Column, VirtualTable } from '../../ui/table';
import {
  authorOf,
  type Found,
  filterModels,
  hints,
  type ModelRow,
  matches,
  nameOf,
  orderModels,
  textOf,
} from './filter';
import { ModelFilters } from './filters';
import { ModelLink } from './link';

const route = getRouteApi('/models');
const MOST_COMPARED = 4;
const ALWAYS = ['tick', 'name'];

/** A number and its unit, the unit a step lighter. */
const Measure = ({ value }: { value: string }) => {
  const [number, unit] = value.split(' ');
  return unit ? (
    <>
      {number} <span className="text-ink-3">{unit}</span>
    </>
  ) : (
    number
  );
};

const COLUMNS: Column<ModelRow>[] = [
  {
    key: 'name',
    label: 'Model',
    width: 13,
    grows: true,
    cell: model => (
      <span className="flex items-center gap-2">
        <Roundel name={authorOf(model.id)} />
        <span className="min-w-0 truncate">
          <ModelLink id={model.id}>{nameOf(model)}</ModelLink>{' '}
          <code className="ml-1 font-mono text-xs text-ink-3 max-md:hidden">{model.id}</code>
        </span>
        <span className="max-md:hidden">
          <CopyIcon text={model.id} label={`Copy ${model.id}`} />
        </span>
      </span>
    ),
  },
  {
    key: 'context',
    label: 'Context',
    width: 5.5,
    numeric: true,
    goes: 1,
    cell: model => contextLength(model.context_length),
  },
  {
    key: 'prompt',
    label: 'In / M',
    width: 6.2,
    numeric: true,
    cell: model => price(model.pricing.prompt),
  },
  {
    key: 'completion',
    label: 'Out / M',
    width: 6.2,
    numeric: true,
    cell: model => price(model.pricing.completion),
  },
  {
    key: 'latency',
    label: 'First token',
    width: 6,
    numeric: true,
    goes: 3,
    cell: model => <Measure value={duration(model.measured?.firstToken)} />,
  },
  {
    key: 'throughput',
    label: 'Speed',
    width: 6,
    numeric: true,
    goes: 4,
    cell: model => (
      <Measure
        value={model.measured?.speed == null ? UNKNOWN : `${count(Math.round(model.measured.speed))} tok/s`}
      />
    ),
  },
  {
    key: 'uptime',
    label: 'Uptime',
    width: 5,
    numeric: true,
    goes: 6,
    cell: model => (
      <span className={(model.measured?.uptime ?? 1) < 0.95 ? 'text-bad' : ''}>
        {percent(model.measured?.uptime)}
      </span>
    ),
  },
  {
    key: 'tokens',
    label: 'Tokens, 7 d',
    width: 6,
    numeric: true,
    goes: 5,
    cell: model => count(model.measured?.tokens),
  },
];

export function ModelsPage() {
  const models = useQuery(modelsQuery);
  const stats = useQuery(modelStatsQuery);
  const rows = useMemo<ModelRow[]>(
    () =>
      (models.data ?? []).map(model => {
        const found = stats.data?.get(model.id);
        const text = textOf(model);
        if (!found) return { ...model, text };
        const { tokens_7d: tokens, first_token_ms: firstToken, speed, uptime } = found;
        return { ...model, text, measured: { tokens, firstToken, speed, uptime } };
      }),
    [models.data, stats.data],
  );
  return (
    <LoadPage title="Models" query={models} what="Models" lines={12}>
      {() => <List models={rows} />}
    </LoadPage>
  );
}

function List({ models }: { models: ModelRow[] }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [ticked, setTicked] = useState<string[]>([]);
  // What is typed narrows the list before the address has it: that follows when the writer pauses.
  const [typed, setTyped] = useState(search.q ?? '');
  const [cleared, setCleared] = useState(0);
  const type = useCallback(
    (q: string) => void navigate({ search: now => ({ ...now, q: q || undefined }), replace: true }),
    [navigate],
  );
  const set = useCallback(
    (patch: Partial<ModelsSearch>) => {
      // What is typed and not yet in the address goes as well: the field is made anew.
      if ('q' in patch) {
        forgetTyped();
        setTyped(patch.q ?? '');
        setCleared(times => times + 1);
      }
      void navigate({ search: now => ({ ...now, ...patch }) });
    },
    [navigate],
  );
  const order = search.order ?? 'tokens';
  const descending = search.descending ?? !search.order;
  const { providers = '', zdr } = search;
  const ofProvider = useQuery({ ...modelIdsQuery({ providers }), enabled: providers !== '' });
  const keepingNothing = useQuery({ ...modelIdsQuery({ zdr: true }), enabled: zdr === true });
  const by = useMemo<Found>(
    () => ({ providers: ofProvider.data, zdr: keepingNothing.data }),
    [ofProvider.data, keepingNothing.data],
  );
  const { q: _, ...chosen } = search;
  const chosenText = JSON.stringify(chosen);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text says all that is chosen
  const ordered = useMemo(
    () => orderModels(filterModels(models, chosen, by), order, descending),
    [models, chosenText, by],
  );
  const rows = useMemo(() => ordered.filter(matches(typed)), [ordered, typed]);
  const columns = useMemo<Column<ModelRow>[]>(() => {
    const toggle = (id: string) =>
      setTicked(now => (now.includes(id) ? now.filter(one => one !== id) : [...now, id]));
    const tick: Column<ModelRow> = {
      key: 'tick',
      label: 'Compare',
      width: 5,
      goes: 2,
      sortable: false,
      cell: model => (
        <input
          type="checkbox"
          aria-label={`Compare ${model.id}`}
          className="size-4 accent-accent align-middle"
          checked={ticked.includes(model.id)}
          disabled={!writesText(model) || (!ticked.includes(model.id) && ticked.length >= MOST_COMPARED)}
          title={
            !writesText(model)
              ? 'It does not answer in a conversation'
              : ticked.length >= MOST_COMPARED
                ? 'Four models at most can be compared'
                : undefined
          }
          onChange={() => toggle(model.id)}
        />
      ),
    };
    return [tick, ...COLUMNS];
  }, [ticked]);
  const [shown, choice] = useColumns('models', columns, ALWAYS);
  const status =
    rows.length === models.length ? `${models.length} models` : `${rows.length} of ${models.length}`;
  return (
    <Page
      fill
      title="Models"
      note={<p role="status">{status}; speed as measured here in the last 7 days</p>}
      actions={
        <>
          {choice}
          {ticked.length > 0 && (
            <>
              <Button kind="quiet" onClick={() => setTicked([])}>
                Clear
              </Button>
              <Link to="/playground" search={{ models: ticked.join(',') }} className={buttonClass('primary')}>
                {ticked.length === 1 ? 'Try it' : `Compare ${ticked.length}`}
              </Link>
            </>
          )}
        </>
      }
    >
      {(ofProvider.error || keepingNothing.error) && (
        <Refusal
          error={
            new Error(`A filter is not in force: ${(ofProvider.error ?? keepingNothing.error)?.message}`)
          }
        />
      )}
      <ModelFilters
        key={cleared}
        models={models}
        search={search}
        set={set}
        onType={setTyped}
        onTyped={type}
      />
      {rows.length > 0 ? (
        <VirtualTable
          label="Models"
          rows={rows}
          columns={shown}
          rowKey={model => model.id}
          sort={{ key: order, descending }}
          onSort={key =>
            set({
              order: key,
              descending: search.order === key ? !descending || undefined : key !== 'name' || undefined,
            })
          }
        />
      ) : (
        <NothingLeft by={by} models={models} search={{ ...search, q: typed.trim() || undefined }} set={set} />
      )}
    </Page>
  );
}

type RestProps = {
  by: Found;
  models: ModelRow[];
  search: ModelsSearch;
  set: (patch: Partial<ModelsSearch>) => void;
};
function NothingLeft({ by, models, search, set }: RestProps) {
  if (models.length === 0) {
    return (
      <Empty title="No models yet">
        A model can be used when a provider who serves it can be reached. Store a key of one under{' '}
        <Link to="/byok" className="text-accent underline">
          provider keys
        </Link>
        .
      </Empty>
    );
  }
  return (
    <Empty title="No model matches all of these filters">
      <ul className="grid gap-1">
        {hints(models, search, by).map(hint => (
          <li key={hint.key}>
            {hint.matches} {hint.matches === 1 ? 'matches' : 'match'} without{' '}
            <button
              type="button"
              className="text-accent underline"
              onClick={() => set({ [hint.key]: undefined })}
            >
              {hint.label}
            </button>
          </li>
        ))}
      </ul>
    </Empty>
  );
}
