import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useAllKeys } from '../../api/all-keys';
import { FILTERS } from '../../api/filters';
import { keyNamesQuery } from '../../api/names';
import { type Key, modelsQuery, providersQuery } from '../../api/queries';
import { type Range, rangeLabel } from '../../lib/moment';
import type { LogsSearch } from '../../search';
import { Button } from '../../ui/button';
import { Field, Select } from '../../ui/field';
import { forgetTyped, LateInput } from '../../ui/late-input';
import { SelectRange } from '../../ui/select-range';

type Name = (typeof FILTERS)[number];
/** Those that are seldom needed, and shown when they are wanted or in force. */
const MORE: { name: Name; label: string; type?: 'number'; unit?: string; list?: string }[] = [
  { name: 'provider', label: 'Provider', list: 'logged-providers' },
  { name: 'app', label: 'Application' },
  { name: 'user', label: 'User' },
  { name: 'session', label: 'Session' },
  { name: 'finish_reason', label: 'Finish reason', list: 'finish-reasons' },
  { name: 'error_type', label: 'Kind of error', list: 'error-types' },
  { name: 'min_cost', label: 'Cost from', type: 'number', unit: 'USD' },
  { name: 'max_cost', label: 'Cost up to', type: 'number', unit: 'USD' },
  { name: 'min_latency_ms', label: 'First byte after at least', type: 'number', unit: 'ms' },
];
const FINISHED = ['stop', 'length', 'tool_calls', 'content_filter', 'error'];
const ERRORS = [
  'invalid_request',
  'authentication',
  'permission_denied',
  'payment_required',
  'rate_limit_exceeded',
  'provider_overloaded',
  'provider_unavailable',
  'timeout',
  'context_length_exceeded',
  'content_policy_violation',
];

export const isFiltered = (search: LogsSearch) => Boolean(search.range) || FILTERS.some(name => search[name]);
/** An address without any filter. */
export const UNFILTERED: Partial<LogsSearch> = {
  range: undefined,
  ...Object.fromEntries(FILTERS.map(name => [name, undefined])),
};

type Props = {
  search: LogsSearch;
  /** `typed`: by letters, of which Back takes none away by itself. */
  set: (patch: Partial<LogsSearch>, typed?: boolean) => void;
};
export function Filters({ search, set }: Props) {
  // Thousands of names, of which the list shows a few once somebody begins to type.
  const [choosesModel, setChoosesModel] = useState(false);
  const models = useQuery({ ...modelsQuery, enabled: choosesModel });
  const providers = useQuery(providersQuery);
  const [sought, setSought] = useState('');
  const keys = useAllKeys({ search: sought });
  const names = useQuery(keyNamesQuery(search.key ? [search.key] : []));
  const inForce = MORE.filter(one => search[one.name]).length;
  const [open, setOpen] = useState(inForce > 0);
  // What is typed and not yet in the address goes with what is cleared: its fields are made anew.
  const [cleared, setCleared] = useState(0);
  const known = keys.data?.keys ?? [];
  const options = (of: Key[]) =>
    of.map(key => (
      <option key={key.hash} value={key.hash}>
        {key.name}
      </option>
    ));
  const spaces = keys.workspaces
    .map(({ id, name }) => ({ id, name, keys: known.filter(key => key.workspace_id === id) }))
    .filter(one => one.keys.length > 0);
  return (
    <search key={cleared} className="grid gap-2">
      <form className="flex flex-wrap items-center gap-2" onSubmit={event => event.preventDefault()}>
        <SelectOptionalRange value={search.range} onChange={range => set({ range })} />
        <Select
          aria-label="Outcome"
          className="max-w-36"
          value={search.status ?? ''}
          onChange={event => set({ status: (event.target.value || undefined) as LogsSearch['status'] })}
        >
          <option value="">Any outcome</option>
          <option value="ok">Answered</option>
          <option value="failed">Failed</option>
          <option value="cancelled">Cancelled</option>
        </Select>
        <LateInput
          type="search"
          aria-label="Model"
          placeholder="Any model"
          list="logged-models"
          className="w-56"
          onFocus={() => setChoosesModel(true)}
          value={search.model ?? ''}
          onChange={model => set({ model: model || undefined }, true)}
        />
        <datalist id="logged-models">
          {models.data?.map(model => (
            <option key={model.id} value={model.id} />
          ))}
        </datalist>
        {(keys.data?.hasMore || sought) && (
          <LateInput
            type="search"
            aria-label="Find a key"
            placeholder="Find a key"
            className="w-32"
            value={sought}
            onChange={setSought}
          />
        )}
        <Select
          aria-label="Key"
          className="max-w-40"
          value={search.key ?? ''}
          onChange={event => set({ key: event.target.value || undefined })}
        >
          <option value="">Any key</option>
          {search.key && !known.some(key => key.hash === search.key) && (
            <option value={search.key}>{names.data?.[search.key] ?? `${search.key.slice(0, 8)}…`}</option>
          )}
          {spaces.length > 1
            ? spaces.map(one => (
                <optgroup key={one.id} label={one.name}>
                  {options(one.keys)}
                </optgroup>
              ))
            : options(known)}
        </Select>
        <LateInput
          aria-label="Kind of error or id"
          placeholder="Kind of error or id"
          className="w-44"
          value={search.text ?? ''}
          onChange={text => set({ text: text || undefined }, true)}
        />
        <Button kind="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
          More filters{inForce > 0 && ` (${inForce})`}
        </Button>
        {isFiltered(search) && (
          <Button
            kind="quiet"
            onClick={() => {
              forgetTyped();
              set(UNFILTERED);
              setSought('');
              setCleared(times => times + 1);
            }}
          >
            Clear filters
          </Button>
        )}
      </form>
      {open && (
        <form
          className="grid grid-cols-[repeat(auto-fill,minmax(9.5rem,1fr))] gap-2 rounded-m bg-sunken p-3"
          aria-label="More filters"
          onSubmit={event => event.preventDefault()}
        >
          {MORE.map(one => (
            <Field key={one.name} label={one.unit ? `${one.label} (${one.unit})` : one.label}>
              {wiring => (
                <LateInput
                  {...wiring}
                  type={one.type}
                  min={one.type && 0}
                  step={one.type && 'any'}
                  list={one.list}
                  value={String(search[one.name] ?? '')}
                  onChange={value => set({ [one.name]: value || undefined }, true)}
                />
              )}
            </Field>
          ))}
          <datalist id="logged-providers">
            {providers.data?.map(one => (
              <option key={one.slug} value={one.name} />
            ))}
          </datalist>
          <datalist id="finish-reasons">
            {FINISHED.map(one => (
              <option key={one} value={one} />
            ))}
          </datalist>
          <datalist id="error-types">
            {ERRORS.map(one => (
              <option key={one} value={one} />
            ))}
          </datalist>
        </form>
      )}
    </search>
  );
}

function SelectOptionalRange({ value, onChange }: { value?: Range; onChange: (range?: Range) => void }) {
  if (value) return <SelectRange value={value} onChange={onChange} />;
  return (
    <Select
      aria-label="Range"
      className="max-w-36"
      value=""
      onChange={event => onChange(event.target.value as Range)}
    >
      <option value="">Any time</option>
      {(['1h', '24h', '7d', '30d', '90d'] as const).map(range => (
        <option key={range} value={range}>
          {rangeLabel(range)}
        </option>
      ))}
    </Select>
  );
}
