import { useMutation, useQueryClient } from '@tanstack/react-query';
import { invite } from '../../api/people';
import { refresh } from '../../api/queries';
import { fieldError, otherError } from '../../api/refusal';
import type { Role } from '../../session/session';
import { useSession } from '../../session/session';
import { Unlost } from '../../shell/unlost';
import { Button } from '../../ui/button';
import { Dialog, DialogActions } from '../../ui/dialog';
import { Field, Input, Select } from '../../ui/field';
import { Refusal } from '../../ui/states';
import { OneTimeLink } from './link';
import { RoleOptions } from './roles';

export function InviteDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const isOwner = useSession()?.member.role === 'owner';
  const inviting = useMutation({
    mutationFn: (form: FormData) =>
      invite({ email: String(form.get('email')).trim(), role: String(form.get('role')) as Role }),
    // The link is shown at once, however long the list takes.
    onSuccess: () => void refresh(client, 'invites'),
  });
  const close = () => {
    inviting.reset();
    onClose();
  };
  const made = inviting.data;
  return (
    <Dialog open={open} onClose={close} title={made ? 'Send the link' : 'Invite somebody'}>
      {made?.url ? (
        <>
          <OneTimeLink url={made.url} until={made.expires_at} whose={made.email} />
          <DialogActions>
            <Button onClick={close}>Done</Button>
          </DialogActions>
        </>
      ) : (
        <form
          className="grid gap-4"
          onSubmit={event => {
            event.preventDefault();
            inviting.mutate(new FormData(event.currentTarget));
          }}
        >
          <Field label="Mail address" error={fieldError(inviting.error, 'email')}>
            {wiring => <Input {...wiring} name="email" type="email" required autoFocus autoComplete="off" />}
          </Field>
          <Field label="Role" error={fieldError(inviting.error, 'role')}>
            {wiring => (
              <Select {...wiring} name="role" defaultValue="member">
                <RoleOptions owner={isOwner} />
              </Select>
            )}
          </Field>
          <Refusal error={otherError(inviting.error, ['email', 'role'])} />
          <Unlost isHeld={inviting.isPending} />
          <DialogActions>
            <Button
              kind="quiet"
              onClick={close}
              reason={inviting.isPending && 'Until the server has answered'}
            >
              Cancel
            </Button>
            <Button kind="primary" type="submit" disabled={inviting.isPending}>
              Make the link
            </Button>
          </DialogActions>
        </form>
      )}
    </Dialog>
  );
}
