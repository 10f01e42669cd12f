export type Outcome = 'ok' | 'failed' | 'cancelled';

/** Which requests are listed: names are those of the server's query. */
export type LogFilter = {
  from?: string;
  to?: string;
  status?: Outcome;
  model?: string;
  provider?: string;
  key?: string;
  app?: string;
  user?: string;
  session?: string;
  finish_reason?: string;
  error_type?: string;
  min_cost?: string;
  max_cost?: string;
  min_latency_ms?: string;
  text?: string;
};
export const FILTERS = [
  'status',
  'model',
  'provider',
  'key',
  'app',
  'user',
  'session',
  'finish_reason',
  'error_type',
  'min_cost',
  'max_cost',
  'min_latency_ms',
  'text',
] as const satisfies readonly (keyof LogFilter)[];
export type FilterName = (typeof FILTERS)[number];
