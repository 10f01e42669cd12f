import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '../../api/client';
import { type Member, membersQuery, refresh, type Workspace, workspaceMembersQuery } from '../../api/queries';
import { Button } from '../../ui/button';
import { Load, Refusal } from '../../ui/states';
import { memberName } from '../members/member-name';

export function WorkspaceMembers({ workspace, isDefault }: { workspace: Workspace; isDefault: boolean }) {
  const client = useQueryClient();
  const everybody = useQuery(membersQuery);
  const here = useQuery(workspaceMembersQuery(workspace.id));
  const changing = useMutation({
    mutationFn: async ({ member, joins }: { member: Member; joins: boolean }) => {
      const params = { path: { id: workspace.id } };
      const body = { user_ids: [member.id] };
      if (joins) await api.POST('/api/v1/workspaces/{id}/members/add', { params, body });
      else await api.POST('/api/v1/workspaces/{id}/members/remove', { params, body });
    },
    onSuccess: () => refresh(client, 'workspace-members'),
  });
  return (
    <Load query={everybody} what="Members">
      {members => (
        <Load query={here} what="Members of this workspace">
          {joined => {
            if (members.length === 0)
              return (
                <p className="border-t border-rule py-1.5 text-ink-3">
                  There are no members yet: everything is done with keys.
                </p>
              );
            const ids = new Set(joined.map(one => one.user_id));
            return (
              <>
                {isDefault && (
                  <p className="mb-1 text-xs text-ink-3">Everybody is in the default workspace.</p>
                )}
                <ul>
                  {members.map(member => (
                    <li
                      key={member.id}
                      className="flex items-center justify-between gap-2 border-t border-rule py-1"
                    >
                      <span className="min-w-0 truncate">
                        {memberName(member)} <span className="text-ink-3">{member.email}</span>
                      </span>
                      <Button
                        kind="quiet"
                        className="px-2"
                        disabled={changing.isPending}
                        reason={isDefault && 'Everybody is in the default workspace'}
                        aria-label={`${ids.has(member.id) ? 'Remove' : 'Add'} ${member.email}`}
                        onClick={() => changing.mutate({ member, joins: !ids.has(member.id) })}
                      >
                        {ids.has(member.id) ? 'Remove' : 'Add'}
                      </Button>
                    </li>
                  ))}
                </ul>
                <Refusal error={changing.error} />
              </>
            );
          }}
        </Load>
      )}
    </Load>
  );
}
