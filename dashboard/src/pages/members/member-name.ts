import type { Member } from '../../api/queries';
import type { Role } from '../../session/session';

export const memberName = (member: Pick<Member, 'first_name' | 'last_name' | 'email'>) =>
  [member.first_name, member.last_name].filter(Boolean).join(' ') || member.email;

/** OpenRouter's roles do not tell owners from admins; the member beside it does. */
export const roleOf = (member: Pick<Member, 'role'> & { is_owner?: boolean }): Role =>
  member.is_owner || member.role === 'org:owner' ? 'owner' : member.role === 'org:admin' ? 'admin' : 'member';
