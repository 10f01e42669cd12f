import type { Model } from '../../api/queries';
import { priceOrder } from '../../lib/money';
import type { ModelsSearch } from '../../search';

/** What this gateway measured of a model in the last seven days. */
export type Measured = {
  tokens: number;
  firstToken: number | null;
  speed: number | null;
  uptime: number | null;
};
export type ModelRow = Model & {
  measured?: Measured;
  /** What words are looked for in, in lower case: made once, since keys are typed fast. */
  text?: string;
};
export const textOf = (model: Pick<ModelRow, 'id' | 'name' | 'text'>) =>
  model.text ?? `${model.id} ${model.name}`.toLowerCase();

/** A name that begins with ~ stands for the newest of a family, whose author comes after it. */
export const authorOf = (id: string) => (id.split('/')[0] ?? id).replace('~', '');
export const nameOf = (model: Pick<Model, 'name'>) =>
  model.name.split(': ').slice(1).join(': ') || model.name;
export const linkTo = (id: string) => {
  const [author = '', ...slug] = id.split('/');
  return { to: '/models/$author/$slug', params: { author, slug: slug.join('/') } } as const;
};

/** Ids of the models that the server finds by a provider, and with providers that keep nothing. */
export type Found = { providers?: ReadonlySet<string>; zdr?: ReadonlySet<string> };

type Rule = { label: string; keeps: (model: ModelRow) => boolean };

/** Every word has to be there. */
export function matches(query: string): (model: ModelRow) => boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return model => words.every(word => textOf(model).includes(word));
}

/** The filters that are set, each by the words it is named with when nothing is left. */
export function rules(search: ModelsSearch, by: Found = {}): (Rule & { key: keyof ModelsSearch })[] {
  const found: (Rule & { key: keyof ModelsSearch })[] = [];
  const add = (key: keyof ModelsSearch, label: string, keeps: Rule['keeps']) => {
    if (search[key] !== undefined) found.push({ key, label, keeps });
  };
  add('q', `“${search.q}”`, matches(search.q ?? ''));
  add('input_modalities', `${search.input_modalities} input`, model =>
    (model.architecture.input_modalities as string[]).includes(search.input_modalities ?? ''),
  );
  add('output_modalities', `${search.output_modalities} output`, model =>
    (model.architecture.output_modalities as string[]).includes(search.output_modalities ?? ''),
  );
  add('model_authors', `by ${search.model_authors}`, model => authorOf(model.id) === search.model_authors);
  // Until the server has answered nothing is left out.
  add('providers', `served by ${search.providers}`, model => by.providers?.has(model.id) ?? true);
  add('zdr', 'providers that keep nothing', model => by.zdr?.has(model.id) ?? true);
  add('supported_parameters', search.supported_parameters ?? '', model =>
    (model.supported_parameters as string[]).includes(search.supported_parameters ?? ''),
  );
  add(
    'context',
    `${search.context} tokens of context`,
    model => (model.context_length ?? 0) >= (search.context ?? 0),
  );
  add('max_price', `at most $${search.max_price} a million`, model => {
    const price = priceOrder(model.pricing.prompt);
    return price !== null && price <= (search.max_price ?? 0);
  });
  add('cost', search.cost === 'free' ? 'free' : 'unknown price', model => {
    const price = priceOrder(model.pricing.prompt);
    return search.cost === 'free'
      ? price === 0 && priceOrder(model.pricing.completion) === 0
      : price === null;
  });
  return found;
}

export const filterModels = <M extends ModelRow>(models: M[], search: ModelsSearch, by?: Found): M[] => {
  const all = rules(search, by);
  return models.filter(model => all.every(rule => rule.keeps(model)));
};

/** Which single filter, left out, would leave something. */
export const hints = (models: Model[], search: ModelsSearch, by?: Found) =>
  rules(search, by)
    .map(rule => ({
      ...rule,
      matches: filterModels(models, { ...search, [rule.key]: undefined }, by).length,
    }))
    .filter(rule => rule.matches > 0)
    .sort((a, b) => b.matches - a.matches);

const ORDER: Record<string, (model: ModelRow) => number | string | null> = {
  name: model => nameOf(model).toLowerCase(),
  context: model => model.context_length,
  prompt: model => priceOrder(model.pricing.prompt),
  completion: model => priceOrder(model.pricing.completion),
  latency: model => model.measured?.firstToken ?? null,
  throughput: model => model.measured?.speed ?? null,
  uptime: model => model.measured?.uptime ?? null,
  tokens: model => model.measured?.tokens ?? null,
  created: model => model.created,
};

/** What is not known comes last in either direction. */
export function orderModels(models: ModelRow[], order: string, descending: boolean): ModelRow[] {
  const by = ORDER[order] ?? ORDER.created;
  return models
    .map(model => ({ model, value: by?.(model) ?? null }))
    .sort(({ value: x }, { value: y }) => {
      if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
      const sign = x < y ? -1 : x > y ? 1 : 0;
      return descending ? -sign : sign;
    })
    .map(one => one.model);
}
