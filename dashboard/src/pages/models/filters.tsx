import { useQuery } from '@tanstack/react-query';
import { memo, useMemo } from 'react';
import { credentialProvidersQuery } from '../../api/credentials';
import type { Model } from '../../api/queries';
import type { ModelsSearch } from '../../search';
import { Button } from '../../ui/button';
import { Select } from '../../ui/field';
import { LateInput } from '../../ui/late-input';
import { authorOf, rules } from './filter';

const PRICES = [0.1, 0.5, 1, 5];
const CONTEXTS: [number, string][] = [
  [32_000, '32K'],
  [128_000, '128K'],
  [200_000, '200K'],
  [1_000_000, '1M'],
];
const sorted = (values: Iterable<string>) => [...new Set(values)].sort();

type Props = {
  models: Model[];
  search: ModelsSearch;
  set: (patch: Partial<ModelsSearch>) => void;
  /** Told what is typed, before the address has it. */
  onType: (text: string) => void;
  /** Told once the writer pauses. */
  onTyped: (text: string) => void;
};

/** Hundreds of choices, which no key typed beside them changes. */
export const ModelFilters = memo(function ModelFilters({ models, search, set, onType, onTyped }: Props) {
  const offered = useMemo(
    () => ({
      authors: sorted(models.map(model => authorOf(model.id))),
      inputs: sorted(models.flatMap(model => model.architecture.input_modalities)),
      outputs: sorted(models.flatMap(model => model.architecture.output_modalities)),
      parameters: sorted(models.flatMap(model => model.supported_parameters)),
    }),
    [models],
  );
  const known = useQuery(credentialProvidersQuery);
  const providers = useMemo(
    () => (known.data ?? []).filter(one => one.has_credential).sort((a, b) => a.name.localeCompare(b.name)),
    [known.data],
  );
  const cost = search.cost ?? (search.max_price === undefined ? '' : String(search.max_price));
  const setCost = (value: string) =>
    set({
      cost: value === 'free' || value === 'unknown' ? value : undefined,
      max_price: Number(value) || undefined,
    });
  const filtered = rules(search).map(rule => rule.key);
  const clear = Object.fromEntries(['q', ...filtered].map(key => [key, undefined]));
  return (
    <search>
      <form className="flex flex-wrap items-center gap-2" onSubmit={event => event.preventDefault()}>
        <LateInput
          type="search"
          aria-label="Filter by name or id"
          placeholder="Filter by name or id"
          className="w-56"
          value={search.q ?? ''}
          onType={onType}
          onChange={onTyped}
        />
        <Select
          aria-label="Input"
          className="max-w-28"
          value={search.input_modalities ?? ''}
          onChange={event => set({ input_modalities: event.target.value || undefined })}
        >
          <option value="">Any input</option>
          {offered.inputs.map(input => (
            <option key={input}>{input}</option>
          ))}
        </Select>
        <Select
          aria-label="Output"
          className="max-w-28"
          value={search.output_modalities ?? ''}
          onChange={event => set({ output_modalities: event.target.value || undefined })}
        >
          <option value="">Any output</option>
          {offered.outputs.map(output => (
            <option key={output}>{output}</option>
          ))}
        </Select>
        <Select
          aria-label="Author"
          className="max-w-34"
          value={search.model_authors ?? ''}
          onChange={event => set({ model_authors: event.target.value || undefined })}
        >
          <option value="">Any author</option>
          {offered.authors.map(author => (
            <option key={author}>{author}</option>
          ))}
        </Select>
        <Select
          aria-label="Provider"
          className="max-w-34"
          value={search.providers ?? ''}
          onChange={event => set({ providers: event.target.value || undefined })}
        >
          <option value="">Any provider</option>
          {search.providers && !providers.some(one => one.slug === search.providers) && (
            <option>{search.providers}</option>
          )}
          {providers.map(one => (
            <option key={one.slug} value={one.slug}>
              {one.name}
            </option>
          ))}
        </Select>
        <Select
          aria-label="Prompts"
          className="max-w-34"
          value={search.zdr ? 'zdr' : ''}
          onChange={event => set({ zdr: event.target.value === 'zdr' || undefined })}
        >
          <option value="">Any data policy</option>
          <option value="zdr">Keeps nothing</option>
        </Select>
        <Select
          aria-label="Supports"
          className="max-w-34"
          value={search.supported_parameters ?? ''}
          onChange={event => set({ supported_parameters: event.target.value || undefined })}
        >
          <option value="">Any parameter</option>
          {offered.parameters.map(parameter => (
            <option key={parameter}>{parameter}</option>
          ))}
        </Select>
        <Select
          aria-label="Context"
          className="max-w-34"
          value={search.context ?? ''}
          onChange={event => set({ context: Number(event.target.value) || undefined })}
        >
          <option value="">Any context</option>
          {CONTEXTS.map(([tokens, label]) => (
            <option key={tokens} value={tokens}>
              {label} and more
            </option>
          ))}
        </Select>
        <Select
          aria-label="Price"
          className="max-w-34"
          value={cost}
          onChange={event => setCost(event.target.value)}
        >
          <option value="">Any price</option>
          <option value="free">free</option>
          {PRICES.map(price => (
            <option key={price} value={price}>
              up to ${price.toFixed(2)} / M
            </option>
          ))}
          <option value="unknown">not known</option>
        </Select>
        {filtered.length > 0 && (
          <Button kind="quiet" onClick={() => set(clear)}>
            Clear filters
          </Button>
        )}
      </form>
    </search>
  );
});
