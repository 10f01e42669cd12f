import type { Key } from '../../api/queries';

export const isExpired = (key: Pick<Key, 'expires_at'>, now = Date.now()) =>
  key.expires_at != null && Date.parse(key.expires_at) <= now;

/** Whether a program asked with it in the last seven days: then it is not deleted by a slip. */
export const isInUse = (key: Pick<Key, 'last_used_at'>, now = Date.now()) =>
  key.last_used_at != null && now - Date.parse(key.last_used_at) < 7 * 86_400_000;
