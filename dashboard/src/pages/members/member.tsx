import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import {
  changeMember,
  memberLimitsQuery,
  removeMember,
  removeMemberLimit,
  resetLink,
  setMemberLimit,
} from '../../api/people';
import { type Member, refresh } from '../../api/queries';
import { fieldError, otherError } from '../../api/refusal';
import { resetsAt } from '../../lib/moment';
import { nano, plain } from '../../lib/money';
import type { Role } from '../../session/session';
import { useAbility, useReason, useSession } from '../../session/session';
import { Button } from '../../ui/button';
import { Dialog, DialogActions } from '../../ui/dialog';
import { Field, Input, Select } from '../../ui/field';
import { Load, Refusal } from '../../ui/states';
import { OneTimeLink } from './link';
import { memberName, roleOf } from './member-name';
import { RoleOptions } from './roles';

type Props = { member: Member | null; members: Member[]; onClose: () => void };

export function MemberDialog({ member, members, onClose }: Props) {
  // The list is loaded anew after each change, and the dialog shows what stands there now.
  const current = members.find(one => one.id === member?.id) ?? member;
  return (
    <Dialog open={member !== null} onClose={onClose} title={current ? memberName(current) : ''}>
      {current && <Content member={current} onClose={onClose} />}
    </Dialog>
  );
}

function Content({ member, onClose }: { member: Member; onClose: () => void }) {
  const session = useSession();
  const mayManage = useAbility('members');
  const reason = useReason('members');
  const isSelf = session?.member.id === member.id;
  const isOwner = session?.member.role === 'owner';
  const role = roleOf(member);
  const ownersOnly = role === 'owner' && !isOwner && 'Only owners change owners';
  return (
    <div className="grid gap-6">
      <RoleForm
        key={`${member.id} ${role}`}
        member={member}
        role={role}
        isOwner={isOwner}
        reason={reason || (isSelf && 'Nobody changes the own role') || ownersOnly}
      />
      {(mayManage || isSelf) && <Limits member={member} reason={reason} />}
      {mayManage && !isSelf && <Ending member={member} reason={ownersOnly} onRemoved={onClose} />}
      <DialogActions>
        <Button onClick={onClose}>Close</Button>
      </DialogActions>
    </div>
  );
}

function RoleForm({
  member,
  role,
  isOwner,
  reason,
}: {
  member: Member;
  role: Role;
  isOwner: boolean;
  reason: string | false;
}) {
  const client = useQueryClient();
  const [chosen, setChosen] = useState<Role>(role);
  const saving = useMutation({
    mutationFn: () => changeMember(member.id, { role: chosen }),
    onSuccess: () => refresh(client, 'members'),
  });
  return (
    <form
      className="grid gap-3"
      onSubmit={event => {
        event.preventDefault();
        saving.mutate();
      }}
    >
      <p className="text-ink-3">{member.email}</p>
      <Field label="Role" error={fieldError(saving.error, 'role')} hint={reason || undefined}>
        {wiring => (
          <Select
            {...wiring}
            value={chosen}
            disabled={Boolean(reason)}
            onChange={event => setChosen(event.target.value as Role)}
          >
            <RoleOptions owner={isOwner || role === 'owner'} />
          </Select>
        )}
      </Field>
      <Refusal error={otherError(saving.error, ['role'])} />
      {chosen !== role && (
        <div className="flex gap-2">
          <Button kind="primary" type="submit" disabled={saving.isPending}>
            Save
          </Button>
          <Button kind="quiet" onClick={() => setChosen(role)}>
            Discard
          </Button>
        </div>
      )}
    </form>
  );
}

const INTERVALS = [
  ['daily', 'A day'],
  ['weekly', 'A week'],
  ['monthly', 'A month'],
  ['lifetime', 'In all'],
] as const;

/** What all keys of a member may spend together. */
function Limits({ member, reason }: { member: Member; reason: string | false }) {
  const query = useQuery(memberLimitsQuery(member.id));
  return (
    <section aria-label="Limits">
      <h3 className="mb-1 font-semibold">Limits over all keys</h3>
      <Load query={query} what="Limits" lines={3}>
        {limits =>
          INTERVALS.map(([interval, label]) => {
            const of = limits.find(one => (one.interval ?? 'lifetime') === interval);
            return (
              <LimitRow
                key={`${interval} ${of?.limit_usd} ${of?.include_byok}`}
                member={member}
                interval={interval}
                label={label}
                limit={of ? plain(nano(of.limit_usd)) : ''}
                include_byok={of?.include_byok ?? false}
                reason={reason}
              />
            );
          })
        }
      </Load>
    </section>
  );
}

type LimitProps = {
  member: Member;
  interval: string;
  label: string;
  limit: string;
  /** Kept as it is: nothing here changes it. */
  include_byok: boolean;
  reason: string | false;
};
function LimitRow({ member, interval, label, limit, include_byok, reason }: LimitProps) {
  const client = useQueryClient();
  const [amount, setAmount] = useState(limit);
  const saving = useMutation({
    mutationFn: async () => {
      if (amount.trim() === '') await removeMemberLimit(member.id, interval);
      else await setMemberLimit(member.id, interval, { limit_usd: Number(amount), include_byok });
    },
    onSuccess: () => refresh(client, 'member-limits', 'keys'),
  });
  return (
    <form
      className="border-t border-rule py-1"
      onSubmit={event => {
        event.preventDefault();
        saving.mutate();
      }}
    >
      <div className="flex flex-wrap items-center gap-2">
        <label htmlFor={`limit-${interval}`} className="w-18">
          {label}
        </label>
        <Input
          id={`limit-${interval}`}
          type="number"
          min={0}
          step="any"
          inputMode="decimal"
          placeholder="no limit"
          className="w-28"
          disabled={Boolean(reason)}
          title={reason || undefined}
          value={amount}
          onChange={event => setAmount(event.target.value)}
        />
        <span className="flex-1 text-xs text-ink-3">
          USD
          {limit && include_byok && ', own provider keys count'}
          {limit && interval !== 'lifetime' && `, afresh ${resetsAt(interval, Date.now())}`}
        </span>
        {amount !== limit && (
          <Button type="submit" kind="primary" disabled={saving.isPending}>
            {amount.trim() === '' ? 'Remove' : 'Save'}
          </Button>
        )}
      </div>
      <Refusal error={saving.error} />
    </form>
  );
}

function Ending({
  member,
  reason,
  onRemoved,
}: {
  member: Member;
  reason: string | false;
  onRemoved: () => void;
}) {
  const client = useQueryClient();
  const [asks, setAsks] = useState(false);
  const resetting = useMutation({ mutationFn: () => resetLink(member.id) });
  const removing = useMutation({
    mutationFn: () => removeMember(member.id),
    onSuccess: async () => {
      await refresh(client, 'members', 'workspace-members');
      onRemoved();
    },
  });
  return (
    <section aria-label="Access" className="grid gap-3">
      <h3 className="font-semibold">Access</h3>
      {resetting.data ? (
        <OneTimeLink url={resetting.data.url} until={resetting.data.expires_at} whose={member.email} />
      ) : asks ? (
        <div className="grid gap-2">
          <p className="text-ink-2">
            {memberName(member)} can no longer sign in. What was spent stays in the books; keys that are in
            use have to be deleted first.
          </p>
          <div className="flex gap-2">
            <Button kind="danger" onClick={() => removing.mutate()} disabled={removing.isPending}>
              Remove member
            </Button>
            <Button kind="quiet" onClick={() => setAsks(false)}>
              Keep
            </Button>
          </div>
        </div>
      ) : (
        <div className="flex flex-wrap gap-2">
          <Button onClick={() => resetting.mutate()} disabled={resetting.isPending} reason={reason}>
            Link for a new password
          </Button>
          <Button kind="danger" onClick={() => setAsks(true)} reason={reason}>
            Remove
          </Button>
        </div>
      )}
      <Refusal error={resetting.error ?? removing.error} />
    </section>
  );
}
