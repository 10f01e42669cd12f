import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import {
  createManagementKey,
  deleteManagementKey,
  type ManagementKey,
  managementKeysQuery,
} from '../../api/people';
import { membersQuery, refresh } from '../../api/queries';
import { fieldError, otherError } from '../../api/refusal';
import { dateOf } from '../../lib/moment';
import { Unlost } from '../../shell/unlost';
import { Badge } from '../../ui/badge';
import { Button } from '../../ui/button';
import { Dialog, DialogActions } from '../../ui/dialog';
import { Field, Input } from '../../ui/field';
import { Empty, Load, Refusal } from '../../ui/states';
import { type Column, Name, Table } from '../../ui/table';
import { isTyped, TypedName } from '../../ui/typed-name';
import { memberName } from '../members/member-name';
import { isExpired } from './order';
import { Secret } from './secret';

export function ManagementKeys({ creates, onClose }: { creates: boolean; onClose: () => void }) {
  const query = useQuery(managementKeysQuery);
  const [deleting, setDeleting] = useState<ManagementKey | null>(null);
  const members = useQuery(membersQuery);
  const columns = useMemo<Column<ManagementKey>[]>(
    () => [
      {
        key: 'name',
        label: 'Name',
        cell: key => (
          <>
            <span className="flex items-center gap-1.5">
              <Name text={key.name} className="font-semibold" /> {key.disabled && <Badge>disabled</Badge>}{' '}
              {isExpired(key) && <Badge tone="warn">ended</Badge>}
            </span>
            <code className="block font-mono text-2xs text-ink-3">{key.label}</code>
          </>
        ),
      },
      {
        key: 'creator',
        label: 'Made by',
        from: 40,
        cell: key => {
          const maker = members.data?.find(one => one.id === key.creator);
          return <Name text={maker ? memberName(maker) : (key.creator ?? 'the command line')} />;
        },
      },
      { key: 'created', label: 'Made', from: 40, cell: key => dateOf(key.created_at) },
      {
        key: 'used',
        label: 'Last used',
        cell: key => (key.last_used_at ? dateOf(key.last_used_at) : 'never'),
      },
      { key: 'ends', label: 'Ends', cell: key => (key.expires_at ? dateOf(key.expires_at) : 'never') },
      {
        key: 'actions',
        label: 'Actions',
        cell: key => (
          <Button
            kind="quiet"
            className="px-1.5"
            onClick={() => setDeleting(key)}
            aria-label={`Delete ${key.name}`}
          >
            Delete
          </Button>
        ),
      },
    ],
    [members.data],
  );
  return (
    <>
      <p className="max-w-prose border-l-2 border-bad pl-3">
        A management key may do what the member who made it may do: it makes and deletes keys, members and
        credentials. One made on the server’s machine has the powers of an owner. It asks no models. Give it
        to programs that manage this server, and to nobody else.
      </p>
      <Load query={query} what="Management keys">
        {keys =>
          keys.length === 0 ? (
            <Empty title="No management keys">
              They are needed only where a program manages this server.
            </Empty>
          ) : (
            <Table
              label="Management keys"
              rows={keys}
              columns={columns}
              rowKey={key => key.hash}
              rowClass={key => (key.disabled || isExpired(key) ? 'text-ink-3' : '')}
            />
          )
        }
      </Load>
      <Create open={creates} onClose={onClose} />
      <Dialog
        open={deleting !== null}
        onClose={() => setDeleting(null)}
        title={`Delete ${deleting?.name ?? ''}?`}
      >
        {deleting && <DeleteForm of={deleting} onClose={() => setDeleting(null)} />}
      </Dialog>
    </>
  );
}

function Create({ open, onClose }: { open: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const creating = useMutation({
    mutationFn: (form: FormData) => {
      const expires = String(form.get('expires') ?? '');
      return createManagementKey({
        name: String(form.get('name')).trim(),
        ...(expires && { expires_at: `${expires}T00:00:00Z` }),
      });
    },
    // The secret is shown at once, however long the list takes.
    onSuccess: () => void refresh(client, 'management-keys'),
  });
  const close = () => {
    creating.reset();
    onClose();
  };
  return (
    <Dialog open={open} onClose={close} title={creating.data ? 'Copy the key now' : 'Create management key'}>
      {creating.data ? (
        <Secret secret={creating.data.key} onDone={close}>
          This is the only time that the key of <b>{creating.data.data.name}</b> is shown.
        </Secret>
      ) : (
        <form
          className="grid gap-4"
          onSubmit={event => {
            event.preventDefault();
            creating.mutate(new FormData(event.currentTarget));
          }}
        >
          <Field label="Name" error={fieldError(creating.error, 'name')}>
            {wiring => (
              <Input {...wiring} name="name" required maxLength={255} autoFocus autoComplete="off" />
            )}
          </Field>
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
          <Refusal error={otherError(creating.error, ['name', 'expires_at'])} />
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

function DeleteForm({ of, onClose }: { of: ManagementKey; onClose: () => void }) {
  const client = useQueryClient();
  const [typed, setTyped] = useState('');
  const deleting = useMutation({
    mutationFn: () => deleteManagementKey(of.hash),
    onSuccess: async () => {
      await refresh(client, 'management-keys');
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
      <p className="text-ink-2">Programs that use it are refused from now on.</p>
      <TypedName name={of.name} typed={typed} onType={setTyped} />
      <Refusal error={deleting.error} />
      <DialogActions>
        <Button kind="quiet" onClick={onClose}>
          Cancel
        </Button>
        <Button
          kind="danger"
          type="submit"
          disabled={deleting.isPending}
          reason={!isTyped(typed, of.name) && 'Type the name first'}
        >
          Delete key
        </Button>
      </DialogActions>
    </form>
  );
}
