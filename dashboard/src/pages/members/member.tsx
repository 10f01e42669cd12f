import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { changeMember, removeMember, resetLink } from '../../api/people';
import { type Member, refresh } from '../../api/queries';
import { fieldError, otherError } from '../../api/refusal';
import type { Role } from '../../session/session';
import { useAbility, useReason, useSession } from '../../session/session';
import { Unlost } from '../../shell/unlost';
import { Button } from '../../ui/button';
import { Dialog, DialogActions } from '../../ui/dialog';
import { Field, Select } from '../../ui/field';
import { Refusal } from '../../ui/states';
import { Limits } from './limits';
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
      <Unlost isHeld={resetting.isPending} />
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
