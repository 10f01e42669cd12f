import { postJson, read } from '../api/client';
import { enterAs, forgetAll, type Session } from './session';

export type Ways = { password: boolean; oidc: { name: string; url: string } | null };
export type SetupState = { needed: boolean; code_required: boolean };

const entering = async (path: string, body: unknown) => {
  enterAs(await read<Session>(path, postJson(body)));
};
export const login = (email: string, password: string) => entering('api/internal/login', { email, password });
export const setUp = (body: { code: string; email: string; name: string; password: string }) =>
  entering('api/internal/setup', body);
/** What a link is for. Its secret is sent in a body: addresses stand in the logs of proxies. */
export type LinkState = { email: string; role: string; kind: 'invite' | 'reset'; expires_at: string };
export const showLink = (secret: string) =>
  read<LinkState>('api/internal/invites/show', postJson({ secret }));
export const accept = (body: { secret: string; name?: string; password: string }) =>
  entering('api/internal/invites/accept', body);

export async function signOut() {
  // Whether the server heard it or not, this tab shows nothing more.
  await read('api/internal/logout', postJson({})).catch(() => undefined);
  forgetAll();
  enterAs(null);
}
