import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../../api/client';
import { refresh, type Workspace, workspacesQuery } from '../../api/queries';
import { dateOf } from '../../lib/moment';
import { useReason } from '../../session/session';
import { Button } from '../../ui/button';
import { Dialog, DialogActions } from '../../ui/dialog';
import { LoadPage, Page, Section } from '../../ui/page';
import { Refusal } from '../../ui/states';
import { isTyped, TypedName } from '../../ui/typed-name';
import { Budgets } from './budgets';
import { WorkspaceMembers } from './members';
import { Settings } from './settings';

const route = getRouteApi('/workspaces/$id');

export function WorkspacePage() {
  const { id } = route.useParams();
  const query = useQuery(workspacesQuery);
  return (
    <LoadPage title={id} query={query} what="This workspace" lines={8}>
      {workspaces => {
        const found = workspaces.find(one => one.slug === id || one.id === id);
        return found ? <Shown key={found.id} workspace={found} /> : <Missing id={id} />;
      }}
    </LoadPage>
  );
}

const Missing = ({ id }: { id: string }) => (
  <Page title="No such workspace">
    <p className="text-ink-2">
      There is none called {id}.{' '}
      <Link to="/workspaces" className="text-accent underline">
        All workspaces
      </Link>
    </p>
  </Page>
);

function Shown({ workspace }: { workspace: Workspace }) {
  const [deleting, setDeleting] = useState(false);
  const isDefault = workspace.slug === 'default';
  const reason = useReason('workspaces');
  return (
    <Page
      title={workspace.name}
      note={<code className="font-mono text-xs">{workspace.slug}</code>}
      actions={
        <>
          <Link
            to="/keys"
            search={isDefault ? {} : { workspace: workspace.id }}
            className="text-accent underline"
          >
            Keys
          </Link>
          <Link
            to="/activity"
            search={{ where: [`workspace:${workspace.id}`] }}
            className="text-accent underline"
          >
            Activity
          </Link>
          <Button
            kind="danger"
            onClick={() => setDeleting(true)}
            reason={reason || (isDefault && 'The default workspace stays')}
          >
            Delete
          </Button>
        </>
      }
    >
      <div className="grid grid-cols-2 gap-x-12 gap-y-8 max-lg:grid-cols-1">
        <div className="grid content-start gap-8">
          {reason ? (
            <p className="text-ink-3">Budgets and members of a workspace are shown to admins and owners.</p>
          ) : (
            <>
              <Section title="Budgets" note="over all keys of the workspace">
                <Budgets workspace={workspace} />
              </Section>
              <Section title="Members">
                <WorkspaceMembers workspace={workspace} isDefault={isDefault} />
              </Section>
            </>
          )}
        </div>
        <Section title="Settings" note={`since ${dateOf(workspace.created_at)}`}>
          <Settings key={workspace.updated_at} workspace={workspace} />
        </Section>
      </div>
      <Dialog open={deleting} onClose={() => setDeleting(false)} title={`Delete ${workspace.name}?`}>
        <DeleteForm workspace={workspace} onClose={() => setDeleting(false)} />
      </Dialog>
    </Page>
  );
}

function DeleteForm({ workspace, onClose }: { workspace: Workspace; onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [typed, setTyped] = useState('');
  const deleting = useMutation({
    mutationFn: () => api.DELETE('/api/v1/workspaces/{id}', { params: { path: { id: workspace.id } } }),
    onSuccess: async () => {
      onClose();
      await navigate({ to: '/workspaces' });
      client.setQueryData(workspacesQuery.queryKey, now => now?.filter(one => one.id !== workspace.id));
      await refresh(client, 'workspaces');
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
        Its budgets and its settings go with it; its records stay in the books. As long as it has keys that
        are not deleted, it cannot be.
      </p>
      <TypedName name={workspace.slug} typed={typed} onType={setTyped} />
      <Refusal error={deleting.error} />
      <DialogActions>
        <Button kind="quiet" onClick={onClose}>
          Cancel
        </Button>
        <Button
          kind="danger"
          type="submit"
          disabled={deleting.isPending}
          reason={!isTyped(typed, workspace.slug) && 'Type the slug first'}
        >
          Delete workspace
        </Button>
      </DialogActions>
    </form>
  );
}
