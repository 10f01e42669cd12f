import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client';
import { refresh, workspacesQuery } from '../../api/queries';
import { fieldError, otherError } from '../../api/refusal';
import { Unlost } from '../../shell/unlost';
import { Button } from '../../ui/button';
import { Dialog, DialogActions } from '../../ui/dialog';
import { Checkbox, Field, Input, Select } from '../../ui/field';
import { Refusal } from '../../ui/states';
import { LimitFields, optionalNumber } from './limit';
import { Secret } from './secret';

const FIELDS = ['name', 'limit', 'limit_reset', 'expires_at', 'workspace_id'];

export function CreateKey({
  open,
  onClose,
  workspace,
}: {
  open: boolean;
  onClose: () => void;
  workspace?: string;
}) {
  const client = useQueryClient();
  const workspaces = useQuery({ ...workspacesQuery, enabled: open });
  const [limited, setLimited] = useState(false);
  const creating = useMutation({
    mutationFn: async (form: FormData) => {
      const expires = String(form.get('expires') ?? '');
      const { data } = await api.POST('/api/v1/keys', {
        body: {
          name: String(form.get('name')).trim(),
          limit: optionalNumber(form, 'limit'),
          limit_reset: String(form.get('reset') ?? '') || null,
          include_byok_in_limit: form.get('byok') === 'on',
          expires_at: expires ? `${expires}T00:00:00Z` : null,
          workspace_id: String(form.get('workspace') ?? '') || undefined,
        },
      });
      return data;
    },
    // The secret is shown at once, however long the list takes.
    onSuccess: () => void refresh(client, 'keys'),
  });
  const close = () => {
    creating.reset();
    setLimited(false);
    onClose();
  };
  const made = creating.data;
  return (
    <Dialog open={open} onClose={close} title={made ? 'Copy the key now' : 'Create API key'}>
      {made ? (
        <Secret secret={made.key} onDone={close}>
          This is the only time that the key of <b>{made.data.name}</b> is shown. The server keeps no more
          than its digest.
        </Secret>
      ) : (
        <form
          className="grid gap-4"
          onSubmit={event => {
            event.preventDefault();
            creating.mutate(new FormData(event.currentTarget));
          }}
        >
          <Field
            label="Name"
            hint="What it is for: a program, a person, a job."
            error={fieldError(creating.error, 'name')}
          >
            {wiring => (
              <Input {...wiring} name="name" required maxLength={255} autoFocus autoComplete="off" />
            )}
          </Field>
          {(workspaces.data?.length ?? 0) > 1 && (
            <Field label="Workspace" error={fieldError(creating.error, 'workspace_id')}>
              {wiring => (
                <Select {...wiring} name="workspace" defaultValue={workspace ?? ''}>
                  {workspaces.data?.map(one => (
                    <option key={one.id} value={one.slug === 'default' ? '' : one.id}>
                      {one.name}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
          )}
          <div className="grid grid-cols-2 gap-4 max-md:grid-cols-1">
            <LimitFields error={creating.error} onLimited={setLimited} />
            <Field
              label="Ends"
              hint="At 00:00 UTC of this day. Empty: never."
              error={fieldError(creating.error, 'expires_at')}
            >
              {wiring => (
                <Input
                  {...wiring}
                  name="expires"
                  type="date"
                  min={new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)}
                />
              )}
            </Field>
          </div>
          <Checkbox
            name="byok"
            label="Own provider keys count toward the limit"
            hint="What is paid with a provider key of your own is not charged here."
            disabled={!limited}
          />
          <Refusal error={otherError(creating.error, FIELDS)} />
          <Unlost isHeld={creating.isPending} />
          <DialogActions>
            <Button
              kind="quiet"
              onClick={close}
              reason={creating.isPending && 'Until the server has answered'}
            >
              Cancel
            </Button>
            <Button kind="primary" type="submit" disabled={creating.isPending}>
              Create key
            </Button>
          </DialogActions>
        </form>
      )}
    </Dialog>
  );
}
