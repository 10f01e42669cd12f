import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { analyticsQuery, money } from '../../api/analytics';
import { api } from '../../api/client';
import { refresh, type Workspace, workspacesQuery } from '../../api/queries';
import { fieldError, otherError } from '../../api/refusal';
import { dateOf } from '../../lib/moment';
import { nano, usdColumn } from '../../lib/money';
import { useReason } from '../../session/session';
import { Button } from '../../ui/button';
import { Dialog, DialogActions } from '../../ui/dialog';
import { Field, Input, TextArea } from '../../ui/field';
import { Page } from '../../ui/page';
import { Load, Refusal } from '../../ui/states';
import { type Column, Name, Table } from '../../ui/table';
import { slugOf } from './slug';

export function WorkspacesPage() {
  const query = useQuery(workspacesQuery);
  const spent = useQuery(
    analyticsQuery({ metrics: ['total_usage'], dimensions: ['workspace'], range: '30d' }),
  );
  const [creating, setCreating] = useState(false);
  const reason = useReason('workspaces');
  const columns = useMemo<Column<Workspace>[]>(() => {
    const of = new Map(spent.data?.rows.map(row => [row.workspace, money(row, 'total_usage')]));
    const column = usdColumn([...of.values()]);
    return [
      {
        key: 'name',
        label: 'Name',
        cell: one => (
          <Name text={one.name}>
            <Link to="/workspaces/$id" params={{ id: one.slug }} className="font-semibold hover:underline">
              {one.name}
            </Link>
          </Name>
        ),
      },
      {
        key: 'slug',
        label: 'Slug',
        cell: one => <Name text={one.slug} className="font-mono text-xs text-ink-2" />,
      },
      {
        key: 'description',
        label: 'Description',
        from: 40,
        cell: one => <span className="text-ink-2 wrap-anywhere">{one.description}</span>,
      },
      {
        key: 'spent',
        label: 'Spent, 30 days',
        numeric: true,
        cell: one => (spent.data ? column(of.get(one.id) ?? nano(0)) : '–'),
      },
      {
        key: 'created',
        label: 'Since',
        from: 40,
        cell: one => <span className="whitespace-nowrap">{dateOf(one.created_at)}</span>,
      },
    ];
  }, [spent.data]);
  return (
    <Page
      title="Workspaces"
      note="keys, budgets and members are kept apart by workspace"
      actions={
        <Button kind="primary" onClick={() => setCreating(true)} reason={reason}>
          Create workspace
        </Button>
      }
    >
      <Load query={query} what="Workspaces">
        {workspaces => (
          <Table label="Workspaces" rows={workspaces} columns={columns} rowKey={one => one.id} />
        )}
      </Load>
      <Dialog open={creating} onClose={() => setCreating(false)} title="Create workspace">
        <CreateForm onClose={() => setCreating(false)} />
      </Dialog>
    </Page>
  );
}

/** What a slug is made of. */
const SLUG = 'small letters and digits, with single hyphens between them';

function CreateForm({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState('');
  const [slug, setSlug] = useState<string | null>(null);
  const creating = useMutation({
    mutationFn: async (form: FormData) => {
      const body = {
        name: name.trim(),
        slug: String(form.get('slug')),
        description: String(form.get('description')) || null,
      };
      return (await api.POST('/api/v1/workspaces', { body })).data?.data;
    },
    onSuccess: async made => {
      await refresh(client, 'workspaces');
      onClose();
      if (made) void navigate({ to: '/workspaces/$id', params: { id: made.slug } });
    },
  });
  return (
    <form
      className="grid gap-4"
      onSubmit={event => {
        event.preventDefault();
        creating.mutate(new FormData(event.currentTarget));
      }}
    >
      <Field label="Name" error={fieldError(creating.error, 'name')}>
        {wiring => (
          <Input
            {...wiring}
            required
            maxLength={100}
            autoFocus
            value={name}
            onChange={event => setName(event.target.value)}
          />
        )}
      </Field>
      <Field
        label="Slug"
        hint={
          name.trim() && slug === null && !slugOf(name)
            ? `Nothing of this name can stand in addresses: say how it is written there, in ${SLUG}.`
            : `Names it in addresses and programs: ${SLUG}.`
        }
        error={fieldError(creating.error, 'slug')}
      >
        {wiring => (
          <Input
            {...wiring}
            name="slug"
            required
            maxLength={50}
            pattern="[a-z0-9]+(-[a-z0-9]+)*"
            title={SLUG}
            className="font-mono"
            value={slug ?? slugOf(name)}
            onChange={event => setSlug(event.target.value)}
          />
        )}
      </Field>
      <Field label="Description" error={fieldError(creating.error, 'description')}>
        {wiring => <TextArea {...wiring} name="description" rows={2} maxLength={500} />}
      </Field>
      <Refusal error={otherError(creating.error, ['name', 'slug', 'description'])} />
      <DialogActions>
        <Button kind="quiet" onClick={onClose}>
          Cancel
        </Button>
        <Button kind="primary" type="submit" disabled={creating.isPending}>
          Create workspace
        </Button>
      </DialogActions>
    </form>
  );
}
