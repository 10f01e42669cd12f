import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { analyticsQuery, figure, money } from '../api/analytics';
import { type Member, membersQuery } from '../api/queries';
import { count } from '../lib/format';
import { nano, usdColumn } from '../lib/money';
import { Page } from '../ui/page';
import { Empty, Load } from '../ui/states';
import { type Column, Table } from '../ui/table';
import { memberName } from './member-name';

const ROLES: Record<string, string> = { 'org:admin': 'admin', 'org:member': 'member' };

export function MembersPage() {
  const query = useQuery(membersQuery);
  const spent = useQuery(
    analyticsQuery({ metrics: ['total_usage', 'request_count'], dimensions: ['user'], range: '30d' }),
  );
  const columns = useMemo<Column<Member>[]>(() => {
    const of = new Map(spent.data?.rows.map(row => [row.user, row]));
    const column = usdColumn([...of.values()].map(row => money(row, 'total_usage')));
    return [
      { key: 'name', label: 'Name', cell: one => <span className="font-semibold">{memberName(one)}</span> },
      { key: 'email', label: 'Mail', cell: one => one.email },
      { key: 'role', label: 'Role', cell: one => ROLES[one.role] ?? one.role },
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
        wide: true,
        cell: one => count(figure(of.get(one.id), 'request_count') ?? 0),
      },
    ];
  }, [spent.data]);
  return (
    <Page title="Members" note={query.data && query.data.length > 0 && `${query.data.length} people`}>
      <Load query={query} what="Members">
        {members =>
          members.length === 0 ? (
            <Empty title="Nobody but the owner">
              This server has no members: everything is done with keys. What keys spend is under{' '}
              <Link to="/keys" className="text-accent underline">
                API keys
              </Link>
              , and budgets are set by{' '}
              <Link to="/workspaces" className="text-accent underline">
                workspace
              </Link>
              .
            </Empty>
          ) : (
            <Table label="Members" rows={members} columns={columns} rowKey={one => one.id} />
          )
        }
      </Load>
    </Page>
  );
}
