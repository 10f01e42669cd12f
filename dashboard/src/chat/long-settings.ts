import { forgetWith } from '../session/session';
import { packSettings, type Settings, unpackSettings } from './settings';

/** Longer ones servers and proxies refuse as a part of an address. */
export const MOST_IN_ADDRESS = 1_500;
/** What stands in the address in place of settings that are kept in this tab. */
const HERE = 'here.';
const STORE = 'trunkline.playground-settings';

type Kept = { name: string; packed: string };
let kept: Kept | undefined;
/** The storage of the tab outlives a reload, which the memory does not. */
function stored(): Kept | undefined {
  const [name = '', packed = ''] = (sessionStorage.getItem(STORE) ?? '').split(' ');
  return packed ? { name, packed } : undefined;
}

/** A name that is another one for other settings, so that an older entry of the history does not show those
    that came later. */
function nameOf(packed: string): string {
  let sum = 0;
  for (let at = 0; at < packed.length; at++) sum = (Math.imul(sum, 31) + packed.charCodeAt(at)) >>> 0;
  return `${HERE}${sum.toString(36)}`;
}

/** Settings as a part of the address: what is too long for it stays in this tab. */
export function addressOf(settings: Settings): string | undefined {
  const packed = packSettings(settings);
  if (!packed || packed.length <= MOST_IN_ADDRESS) return packed;
  kept = { name: nameOf(packed), packed };
  try {
    sessionStorage.setItem(STORE, `${kept.name} ${packed}`);
  } catch {
    // Too long for the storage as well: they are there until the page is loaded anew.
  }
  return kept.name;
}

/** Whether an address lacks the settings it stands for wherever it is opened elsewhere. */
export const staysHere = (set: string | undefined) => set?.startsWith(HERE) ?? false;

export function settingsOf(set: string | undefined): Settings {
  if (!staysHere(set)) return unpackSettings(set);
  const found = [kept, stored()].find(one => one?.name === set);
  return unpackSettings(found?.packed);
}

forgetWith(() => {
  kept = undefined;
  sessionStorage.removeItem(STORE);
});
