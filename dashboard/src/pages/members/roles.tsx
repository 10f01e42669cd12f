const ROLES = [
  ['member', 'Member: own keys, own figures'],
  ['admin', 'Admin: everything but owners'],
  ['owner', 'Owner: everything'],
] as const;

/** Only owners make owners. */
export const RoleOptions = ({ owner }: { owner: boolean }) =>
  ROLES.filter(([value]) => owner || value !== 'owner').map(([value, label]) => (
    <option key={value} value={value}>
      {label}
    </option>
  ));
