import type { Naming } from '../api/names';

export type Actor = { kind: string; id: string };

const KINDS: Record<string, string> = {
  command_line: 'the command line',
  system: 'the server',
  api_key: 'key',
  member: 'member',
};

/** As the ledger has it: `member:user_…`. */
export function readActor(text: string): Actor {
  const at = text.indexOf(':');
  return at < 0 ? { kind: text, id: '' } : { kind: text.slice(0, at), id: text.slice(at + 1) };
}

/** Who did something, by a name. */
export function actorText({ kind, id }: Actor, name: Naming): string {
  // Whoever takes up an invitation is not yet anybody.
  if (id.startsWith('invite_')) return 'a link for one person';
  if (kind === 'member') return name('member', id);
  const told = KINDS[kind] ?? kind;
  return kind === 'api_key' ? `${told} ${name('api_key', id)}` : told;
}
