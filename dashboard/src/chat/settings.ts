import type { Parameters } from './conversation';

/** What is sent with every question, and what a column has of its own. */
export type Settings = { common: Parameters; own: Record<number, Parameters> };
export const NONE: Settings = { common: {}, own: {} };

/** The parameters of a column: its own, and where it has none the common ones. */
export const parametersOf = (settings: Settings, place: number): Parameters => ({
  ...settings.common,
  ...settings.own[place],
});

/** The settings once a column is gone: those after it move up with what is their own. */
export const withoutPlace = ({ common, own }: Settings, gone: number): Settings => ({
  common,
  own: Object.fromEntries(
    Object.entries(own)
      .filter(([place]) => Number(place) !== gone)
      .map(([place, one]) => [Number(place) > gone ? Number(place) - 1 : Number(place), one]),
  ),
});

export const countOf = (parameters: Parameters | undefined) =>
  Object.values(parameters ?? {}).filter(one => one !== undefined && one !== '').length;

const TEXTS = ['system', 'effort', 'providers'] as const;
const NUMBERS = ['temperature', 'topP', 'maxTokens', 'seed'] as const;

/** Parameters of whatever a link says: what is no parameter, or of another kind, is passed over. */
function read(given: unknown): Parameters {
  if (typeof given !== 'object' || given === null) return {};
  const of = given as Record<string, unknown>;
  return {
    ...Object.fromEntries(
      TEXTS.filter(name => typeof of[name] === 'string' && of[name] !== '').map(name => [name, of[name]]),
    ),
    ...Object.fromEntries(NUMBERS.filter(name => typeof of[name] === 'number').map(name => [name, of[name]])),
  };
}

/** As a part of an address. */
export function packSettings(settings: Settings): string | undefined {
  const own = Object.entries(settings.own).filter(([, one]) => countOf(one) > 0);
  if (countOf(settings.common) === 0 && own.length === 0) return undefined;
  const bytes = new TextEncoder().encode(
    JSON.stringify({ common: settings.common, own: Object.fromEntries(own) }),
  );
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** What a link says, as far as it can be read. */
export function unpackSettings(packed: string | undefined): Settings {
  if (!packed) return NONE;
  try {
    const text = atob(packed.replaceAll('-', '+').replaceAll('_', '/'));
    const given = JSON.parse(new TextDecoder().decode(Uint8Array.from(text, one => one.charCodeAt(0))));
    const own = Object.entries((given.own ?? {}) as Record<string, unknown>)
      .filter(([place]) => /^[0-3]$/.test(place))
      .map(([place, one]) => [place, read(one)] as const);
    return { common: read(given.common), own: Object.fromEntries(own) };
  } catch {
    return NONE;
  }
}
