import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { analyticsQuery, figure, money } from '../../api/analytics';
import { allLimitsQuery, invitesQuery, withdraw } from '../../api/people';
import { type Member, MOST_LISTED, membersQuery, refresh } from '../../api/queries';
import { count, UNKNOWN } from '../../lib/format';
import { momentOf } from '../../lib/moment';
import { nano, usdColumn } from '../../lib/money';
import { useAbility, useReason, useSession } from '../../session/session';
import { Badge } from '../../ui/badge';
import { Button } from '../../ui/button';
import { Page, Section } from '../../ui/page';
import { Empty, Load, Refusal } from '../../ui/states';
import { type Column, Name, Table } from '../../ui/table';
import { InviteDialog } from './invite';
import { TightestLimit } from './limits';
import { MemberDialog } from './member';
import { memberName, roleOf } from './member-name';

export function MembersPage() {
  const query = useQuery(membersQuery);
  const reason = useReason('members');
  const [inviting, setInviting] = useState(false);
  return (
    <Page
      title="Members"
      note={
        query.data &&
        query.data.length > 0 &&
        (query.data.length === 1
          ? '1 person'
          : `${query.data.length >= MOST_LISTED ? 'the first ' : ''}${count(query.data.length)} people`)
      }
      actions={
        <Button kind="primary" onClick={() => setInviting(true)} reason={reason}>
          Invite
        </Button>
      }
    >
      <Load query={query} what="Members">
        {members =>
          members.length === 0 ? (
            <Empty title="Nobody yet">
              People who sign in stand here, with what they spend and may spend. Programs need no member: they
              have API keys.
            </Empty>
          ) : (
            <People members={members} />
          )
        }
      </Load>
      <Invitations />
      <InviteDialog open={inviting} onClose={() => setInviting(false)} />
    </Page>
  );
}

function People({ members }: { members: Member[] }) {
  const session = useSession();
  const mayManage = useAbility('members');
  const [open, setOpen] = useState<Member | null>(null);
  const seesAll = useAbility('activity.all');
  const spent = useQuery({
    ...analyticsQuery({ metrics: ['total_usage', 'request_count'], dimensions: ['user'], range: '30d' }),
    enabled: seesAll,
  });
  const limits = useQuery(allLimitsQuery);
  const columns = useMemo<Column<Member>[]>(() => {
    const of = new Map(spent.data?.rows.map(row => [row.user, row]));
    const column = usdColumn([...of.values()].map(row => money(row, 'total_usage')));
    const figures: Column<Member>[] = [
      {
        key: 'spent',
        label: 'Spent, 30 days',
        numeric: true,
        cell: one => {
          const row = of.get(one.id);
          return (
            <Link to="/activity" search={{ where: [`user:${one.id}`] }} className="hover:underline">
              {column(row ? money(row, 'total_usage') : nano(0))}
            </Link>
          );
        },
      },
      {
        key: 'requests',
        label: 'Requests, 30 days',
        numeric: true,
        from: 40,
        cell: one => count(figure(of.get(one.id), 'request_count') ?? 0),
      },
    ];
    return [
      {
        key: 'name',
        label: 'Name',
        cell: one => (
          <span className="flex items-center gap-1.5">
            <Name text={memberName(one)} className="font-semibold" />{' '}
            {one.id === session?.member.id && <Badge>you</Badge>}
          </span>
        ),
      },
      { key: 'email', label: 'Mail', from: 40, cell: one => <Name text={one.email} /> },
      { key: 'role', label: 'Role', from: 40, cell: one => roleOf(one) },
      ...(seesAll ? figures : []),
      {
        key: 'limit',
        label: 'Limit',
        from: 24,
        cell: one =>
          limits.data && (mayManage || one.id === session?.member.id) ? (
            <TightestLimit limits={limits.data.get(one.id) ?? []} />
          ) : (
            UNKNOWN
          ),
      },
      {
        key: 'actions',
        label: 'Actions',
        cell: one => (
          <Button
            kind="quiet"
            className="px-1.5"
            onClick={() => setOpen(one)}
            aria-label={`${mayManage ? 'Manage' : 'Show'} ${memberName(one)}`}
          >
            {mayManage ? 'Manage' : 'Show'}
          </Button>
        ),
      },
    ];
  }, [spent.data, limits.data, seesAll, mayManage, session?.member.id]);
  return (
    <>
      <Table label="Members" rows={members} columns={columns} rowKey={one => one.id} first={100} />
      <MemberDialog member={open} members={members} onClose={() => setOpen(null)} />
    </>
  );
}

/** Invitations that nobody has taken up. Their links were shown once and are shown no more. */
function Invitations() {
  const mayManage = useAbility('members');
  const client = useQueryClient();
  const query = useQuery({ ...invitesQuery, enabled: mayManage });
  const withdrawing = useMutation({
    mutationFn: withdraw,
    onSuccess: () => refresh(client, 'invites'),
  });
  if (!mayManage || !query.data?.length) return null;
  return (
    <Section title="Invited" note="each link works once">
      <ul>
        {query.data.map(one => (
          <li key={one.id} className="flex items-center justify-between gap-3 border-t border-rule py-1">
            <span className="min-w-0 truncate">
              {one.email}{' '}
              <span className="text-ink-3">
                as {one.role}, until {momentOf(one.expires_at)}
              </span>
            </span>
            <Button
              kind="quiet"
              className="px-2"
              disabled={withdrawing.isPending}
              onClick={() => withdrawing.mutate(one.id)}
              aria-label={`Withdraw the invitation of ${one.email}`}
            >
              Withdraw
            </Button>
          </li>
        ))}
      </ul>
      <Refusal error={withdrawing.error} />
    </Section>
  );
}
