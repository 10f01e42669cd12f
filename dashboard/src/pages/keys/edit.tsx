import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client';
import { type Key, refresh } from '../../api/queries';
import { fieldError, otherError } from '../../api/refusal';
import { nano, plain, usdExact } from '../../lib/money';
import { Button } from '../../ui/button';
import { Dialog, DialogActions } from '../../ui/dialog';
import { Checkbox, Field, Input } from '../../ui/field';
import { Refusal } from '../../ui/states';
import { isTyped, TypedName } from '../../ui/typed-name';
import { LimitFields, optionalNumber } from './limit';
import { isInUse } from './order';

export function EditKey({ keyToEdit, onClose }: { keyToEdit: Key | null; onClose: () => void }) {
  return (
    <Dialog open={keyToEdit !== null} onClose={onClose} title={`Edit ${keyToEdit?.name ?? ''}`}>
      {keyToEdit && <EditForm of={keyToEdit} onClose={onClose} />}
    </Dialog>
  );
}

function EditForm({ of, onClose }: { of: Key; onClose: () => void }) {
  const client = useQueryClient();
  const saving = useMutation({
    mutationFn: (form: FormData) =>
      api.PATCH('/api/v1/keys/{hash}', {
        params: { path: { hash: of.hash } },
        body: {
          name: String(form.get('name')).trim(),
          limit: optionalNumber(form, 'limit'),
          limit_reset: String(form.get('reset') ?? '') || null,
          include_byok_in_limit: form.get('byok') === 'on',
          disabled: form.get('disabled') === 'on',
        },
      }),
    onSuccess: async () => {
      await refresh(client, 'keys', 'key');
      onClose();
    },
  });
  return (
    <form
      className="grid gap-4"
      onSubmit={event => {
        event.preventDefault();
        saving.mutate(new FormData(event.currentTarget));
      }}
    >
      <Field label="Name" error={fieldError(saving.error, 'name')}>
        {wiring => <Input {...wiring} name="name" required maxLength={255} defaultValue={of.name} />}
      </Field>
      <div className="grid grid-cols-2 gap-4 max-md:grid-cols-1">
        <LimitFields
          error={saving.error}
          limit={of.limit == null ? '' : plain(nano(of.limit))}
          reset={of.limit_reset ?? ''}
        />
      </div>
      <Checkbox
        name="byok"
        label="Own provider keys count toward the limit"
        defaultChecked={of.include_byok_in_limit}
      />
      <Checkbox
        name="disabled"
        label="Disabled"
        hint="Requests with it are refused from now on; those that run end as usual."
        defaultChecked={of.disabled}
      />
      <Refusal error={otherError(saving.error, ['name', 'limit', 'limit_reset'])} />
      <DialogActions>
        <Button kind="quiet" onClick={onClose}>
          Cancel
        </Button>
        <Button kind="primary" type="submit" disabled={saving.isPending}>
          Save
        </Button>
      </DialogActions>
    </form>
  );
}

export function DeleteKey({ keyToDelete, onClose }: { keyToDelete: Key | null; onClose: () => void }) {
  return (
    <Dialog open={keyToDelete !== null} onClose={onClose} title={`Delete ${keyToDelete?.name ?? ''}?`}>
      {keyToDelete && <DeleteForm of={keyToDelete} onClose={onClose} />}
    </Dialog>
  );
}

function DeleteForm({ of, onClose }: { of: Key; onClose: () => void }) {
  const client = useQueryClient();
  const [typed, setTyped] = useState('');
  const inUse = isInUse(of);
  const deleting = useMutation({
    mutationFn: () => api.DELETE('/api/v1/keys/{hash}', { params: { path: { hash: of.hash } } }),
    onSuccess: async () => {
      await refresh(client, 'keys');
      onClose();
    },
  });
  return (
    <form
      className="grid gap-4"
      onSubmit={event => {
        event.preventDefault();
        deleting.mutate();
      }}
    >
      <p className="text-ink-2">
        Programs that use it are refused from now on, and it cannot be brought back. Its records stay in the
        books: it has spent {usdExact(nano(of.usage))}.{inUse && ' It was used in the last seven days.'}
      </p>
      {inUse && <TypedName name={of.name} typed={typed} onType={setTyped} />}
      <Refusal error={deleting.error} />
      <DialogActions>
        <Button kind="quiet" onClick={onClose}>
          Cancel
        </Button>
        <Button
          kind="danger"
          type="submit"
          disabled={deleting.isPending}
          reason={inUse && !isTyped(typed, of.name) && 'Type the name first'}
        >
          Delete key
        </Button>
      </DialogActions>
    </form>
  );
}
