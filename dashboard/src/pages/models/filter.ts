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
export type ModelRow = Model & { measured?: Measured };

/** A name that begins with ~ stands for the newest of a family, whose author comes after it. */
export const authorOf = (id: string) => (id.split('/')[0] ?? id).replace('~', '');
export const nameOf = (model: Pick<Model, 'name'>) =>
  model.name.split(': ').slice(1).join(': ') || model.name;
export const linkTo = (id: string) => {
  const [author = '', ...slug] = id.split('/');
  return { to: '/models/$author/$slug', params: { author, slug: slug.join('/') } } as const;
};

type Rule = { label: string; keeps: (model: Model) => boolean };

/** The filters that are set, each by the words it is named with when nothing is left. */
export function rules(search: ModelsSearch): (Rule & { key: keyof ModelsSearch })[] {
  const found: (Rule & { key: keyof ModelsSearch })[] = [];
  const words = (search.q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const add = (key: keyof ModelsSearch, label: string, keeps: Rule['keeps']) => {
    if (search[key] !== undefined) found.push({ key, label, keeps });
  };
  add('q', `“${search.q}”`, model => {
    const text = `${model.id} ${model.name}`.toLowerCase();
    return words.every(word => text.includes(word));
  });
  add('input_modalities', `${search.input_modalities} input`, model =>
    (model.architecture.input_modalities as string[]).includes(search.input_modalities ?? ''),
  );
  add('output_modalities', `${search.output_modalities} output`, model =>
    (model.architecture.output_modalities as string[]).includes(search.output_modalities ?? ''),
  );
  add('model_authors', `by ${search.model_authors}`, model => authorOf(model.id) === search.model_authors);
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

export const filterModels = <M extends Model>(models: M[], search: ModelsSearch): M[] => {
  const all = rules(search);
  return models.filter(model => all.every(rule => rule.keeps(model)));
};

/** Which single filter, left out, would leave something. */
export const hints = (models: Model[], search: ModelsSearch) =>
  rules(search)
    .map(rule => ({ ...rule, matches: filterModels(models, { ...search, [rule.key]: undefined }).length }))
    .filter(rule => rule.matches > 0)
    .sort((a, b) => b.matches - a.matches);

const ORDER: Record<string, (model: ModelRow) => number | string | null> = {
  name: model => nameOf(model).toLowerCase(),
  context: model => model.context_length,
  prompt: model => priceOrder(model.pricing.prompt),
  completion: model => priceOrder(model.pricing.completion),
  latency: model => model.measured?.firstToken ?? null,
  throughput: model => model.measured?.speed ?? null,
  tokens: model => model.measured?.tokens ?? null,
  created: model => model.created,
};

/** What is not known comes last in either direction. */
export function orderModels(models: ModelRow[], order: string, descending: boolean): ModelRow[] {
  const by = ORDER[order] ?? ORDER.created;
  return [...models].sort((a, b) => {
    const [x, y] = [by?.(a) ?? null, by?.(b) ?? null];
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
    const sign = x < y ? -1 : x > y ? 1 : 0;
    return descending ? -sign : sign;
  });
}
