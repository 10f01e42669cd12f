/** What the address of each page may say. The address is the state: every view can be linked,
    reloaded and reached with Back. Names are OpenRouter's where it has them. */
import type { Filter } from './api/analytics';
import { FILTERS, type FilterName, type LogFilter } from './api/filters';
import type { StatusWindow } from './api/server';
import type { Range } from './lib/moment';

type Given = Record<string, unknown>;
const text = (value: unknown) =>
  typeof value === 'string' && value ? value : typeof value === 'number' ? String(value) : undefined;
const truth = (value: unknown) => (value === true || value === 'true' ? true : undefined);
const number = (value: unknown) =>
  value != null && value !== '' && Number.isFinite(Number(value)) ? Number(value) : undefined;
const oneOf = <T extends string>(value: unknown, words: readonly T[]): T | undefined =>
  words.find(word => word === value);
const RANGES: readonly Range[] = ['1h', '24h', '7d', '30d', '90d'];

export type OverviewSearch = { range?: Range };
export const overviewSearch = (given: Given): OverviewSearch => ({ range: oneOf(given.range, RANGES) });

export type ModelsSearch = {
  q?: string;
  input_modalities?: string;
  output_modalities?: string;
  model_authors?: string;
  /** Slug of a provider. */
  providers?: string;
  zdr?: boolean;
  supported_parameters?: string;
  context?: number;
  max_price?: number;
  cost?: 'free' | 'unknown';
  order?: string;
  descending?: boolean;
};
export const modelsSearch = (given: Given): ModelsSearch => ({
  q: text(given.q),
  input_modalities: text(given.input_modalities),
  output_modalities: text(given.output_modalities),
  model_authors: text(given.model_authors),
  providers: text(given.providers),
  zdr: truth(given.zdr),
  supported_parameters: text(given.supported_parameters),
  context: number(given.context),
  max_price: number(given.max_price),
  cost: oneOf(given.cost, ['free', 'unknown'] as const),
  order: text(given.order),
  descending: truth(given.descending),
});

export type PlaygroundSearch = { models?: string; prompt?: string; set?: string; blind?: boolean };
export const playgroundSearch = (given: Given): PlaygroundSearch => ({
  models: text(given.models),
  prompt: text(given.prompt),
  set: text(given.set),
  blind: truth(given.blind),
});

/** A filter as the address has it: `provider:Acme`. */
export const filterText = (filter: Filter) => `${filter.field}:${filter.value}`;
export const readFilter = (part: string): Filter | null => {
  const at = part.indexOf(':');
  return at > 0 ? { field: part.slice(0, at), value: part.slice(at + 1) } : null;
};
export type ActivitySearch = { range?: Range; metric?: string; by?: string; where?: string[] };
export const activitySearch = (given: Given): ActivitySearch => {
  // Each once: a second one changes nothing.
  const where = [...new Set((Array.isArray(given.where) ? given.where : [given.where]).map(text))].filter(
    part => part !== undefined,
  );
  return {
    range: oneOf(given.range, RANGES),
    metric: text(given.metric),
    by: text(given.by),
    where: where.length ? where : undefined,
  };
};

export type LogsSearch = { range?: Range; id?: string; tail?: boolean } & Pick<LogFilter, FilterName>;
export const logsSearch = (given: Given): LogsSearch => ({
  range: oneOf(given.range, RANGES),
  ...Object.fromEntries(FILTERS.map(name => [name, text(given[name])])),
  status: oneOf(given.status, ['ok', 'failed', 'cancelled'] as const),
  id: text(given.id),
  tail: truth(given.tail),
});

export type RankingsSearch = { range?: Range; by?: 'model' | 'provider' | 'app' | 'api_key' };
export const rankingsSearch = (given: Given): RankingsSearch => ({
  range: oneOf(given.range, RANGES),
  by: oneOf(given.by, ['model', 'provider', 'app', 'api_key'] as const),
});

export type StatusSearch = { window?: StatusWindow; provider?: string };
export const statusSearch = (given: Given): StatusSearch => ({
  window: oneOf(given.window, ['1h', '24h', '90d'] as const),
  provider: text(given.provider),
});

export type CredentialsSearch = { add?: string; q?: string };
export const credentialsSearch = (given: Given): CredentialsSearch => ({
  add: text(given.add),
  q: text(given.q),
});

export type SetupSearch = { step?: 'provider' | 'request' };
export const setupSearch = (given: Given): SetupSearch => ({
  step: oneOf(given.step, ['provider', 'request'] as const),
});

export type KeysSearch = {
  workspace?: string;
  q?: string;
  create?: boolean;
  kind?: 'management';
  order?: string;
};
export const keysSearch = (given: Given): KeysSearch => ({
  workspace: text(given.workspace),
  q: text(given.q),
  create: truth(given.create),
  kind: oneOf(given.kind, ['management'] as const),
  order: text(given.order),
});

/** What an application put into the address of the consent page, as it stands there. */
export type ConsentSearch = {
  callback_url?: string;
  code_challenge?: string;
  code_challenge_method?: string;
  key_label?: string;
  limit?: number;
  usage_limit_type?: string;
  expires_at?: string;
  workspace_id?: string;
};
export const consentSearch = (given: Given): ConsentSearch => ({
  callback_url: text(given.callback_url),
  code_challenge: text(given.code_challenge),
  code_challenge_method: text(given.code_challenge_method),
  key_label: text(given.key_label),
  limit: number(given.limit),
  usage_limit_type: text(given.usage_limit_type),
  expires_at: text(given.expires_at),
  workspace_id: text(given.workspace_id),
});
