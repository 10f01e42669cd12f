import { postJson, read } from '../api/client';
import { type Session, setSession } from './session';

export type Ways = { password: boolean; oidc: { name: string; url: string } | null };
export type SetupState = { needed: boolean; code_required: boolean };

const entering = async (path: string, body: unknown) => {
  setSession(await read<Session>(path, postJson(body)));
};
export const login = (email: string, password: string) => entering('api/internal/login', { email, password });
export const setUp = (body: { code: string; email: string; name: string; password: string }) =>
  entering('api/internal/setup', body);
export const accept = (token: string, body: { name?: string; password: string }) =>
  entering(`api/internal/invites/${encodeURIComponent(token)}`, body);

export async function signOut() {
  // Whether the server heard it or not, this tab shows nothing more.
  await read('api/internal/logout', postJson({})).catch(() => undefined);
  setSession(null);
}
