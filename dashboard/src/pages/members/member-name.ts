import type { Member } from '../api/queries';

export const memberName = (member: Member) =>
  [member.first_name, member.last_name].filter(Boolean).join(' ') || member.email;
