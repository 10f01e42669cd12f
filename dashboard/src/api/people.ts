import { queryOptions } from '@tanstack/react-query';
import type { Role } from '../session/session';
import { postJson, read } from './client';

export type Invite = {
  id: string;
  email: string;
  role: Role;
  url?: string;
  created_at: string;
  expires_at: string;
  created_by: string | null;
};
export type MemberLimit = {
  interval: string;
  limit_usd: number | string;
  /** Whether what is paid with the workspace's own provider keys counts. */
  include_byok: boolean;
  /** What is used and left in the window that runs; null while the server cannot tell. */
  used_usd: number | string | null;
  remaining_usd: number | string | null;
  /** When the window ends; null: never. */
  resets_at: string | null;
};
export type OpenSession = {
  id: string;
  created_at: string;
  last_seen_at: string;
  expires_at: string;
  address: string | null;
  user_agent: string | null;
  is_current: boolean;
};
export type ManagementKey = {
  hash: string;
  name: string;
  label: string;
  created_at: string;
  last_used_at: string | null;
  expires_at: string | null;
  disabled: boolean;
  /** The member who made it; null for one made on the server's machine. */
  creator: string | null;
};

const list = async <T>(path: string) => (await read<{ data: T[] }>(path)).data;
const id = encodeURIComponent;

export const invitesQuery = queryOptions({
  queryKey: ['invites'],
  queryFn: () => list<Invite>('api/internal/invites'),
});
export const invite = (body: { email: string; role: Role }) =>
  read<Invite>('api/internal/invites', postJson(body));
export const withdraw = (invitation: string) =>
  read(`api/internal/invites/${id(invitation)}`, { method: 'DELETE' });
export type ResetLink = { url: string; expires_at: string };
export const resetLink = (member: string) =>
  read<ResetLink>(`api/internal/members/${id(member)}/reset`, postJson({}));
export const changeMember = (member: string, body: { role?: Role; name?: string }) =>
  read(`api/internal/members/${id(member)}`, postJson(body, 'PATCH'));
export const removeMember = (member: string) =>
  read(`api/internal/members/${id(member)}`, { method: 'DELETE' });

export const memberLimitsQuery = (member: string) =>
  queryOptions({
    queryKey: ['member-limits', member],
    queryFn: async () => {
      const path = `api/v1/organization/members/${id(member)}`;
      return (await read<{ data: { limits: MemberLimit[] } }>(path)).data.limits;
    },
  });
/** Of all members, by whose they are; of oneself alone, where one sees no others'. */
export const allLimitsQuery = queryOptions({
  queryKey: ['member-limits', 'all'],
  queryFn: async () => {
    const by = new Map<string, MemberLimit[]>();
    for (const { member_id, ...limit } of await list<MemberLimit & { member_id: string }>(
      'api/internal/members/limits',
    ))
      by.set(member_id, [...(by.get(member_id) ?? []), limit]);
    return by;
  },
});
const limit = (member: string, interval: string) =>
  `api/v1/organization/members/${id(member)}/limits/${interval}`;
/** The whole limit is replaced: what is left out would be lost. */
export const setMemberLimit = (
  member: string,
  interval: string,
  to: { limit_usd: number; include_byok: boolean },
) => read(limit(member, interval), postJson(to, 'PUT'));
export const removeMemberLimit = (member: string, interval: string) =>
  read(limit(member, interval), { method: 'DELETE' });

export const sessionsQuery = queryOptions({
  queryKey: ['sessions'],
  queryFn: () => list<OpenSession>('api/internal/sessions'),
});
export const endSession = (session: string) =>
  read(`api/internal/sessions/${id(session)}`, { method: 'DELETE' });

export const managementKeysQuery = queryOptions({
  queryKey: ['management-keys'],
  queryFn: () => list<ManagementKey>('api/internal/management-keys'),
});
export const createManagementKey = (body: { name: string; expires_at?: string }) =>
  read<{ data: ManagementKey; key: string }>('api/internal/management-keys', postJson(body));
export const deleteManagementKey = (hash: string) =>
  read(`api/internal/management-keys/${id(hash)}`, { method: 'DELETE' });
