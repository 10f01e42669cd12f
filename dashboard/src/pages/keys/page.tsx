import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { type Key, keysQuery, workspacesQuery } from '../../api/queries';
import { percent } from '../../lib/format';
import { dateOf, resetsAt } from '../../lib/moment';
import { nano, toNumber, usd, usdColumn } from '../../lib/money';
import type { KeysSearch } from '../../search';
import { Badge, LimitBar } from '../../ui/badge';
import { Button } from '../../ui/button';
import { Input, Select } from '../../ui/field';
import { Page } from '../../ui/page';
import { Empty, Load } from '../../ui/states';
import { type Column, Table } from '../../ui/table';
import { CreateKey } from './create';
import { DeleteKey, EditKey } from './edit';
import { filterKeys, isExpired, orderKeys } from './order';

const route = getRouteApi('/keys');

export function KeysPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const set = (patch: Partial<KeysSearch>) =>
    void navigate({ search: now => ({ ...now, ...patch }), replace: true });
  const query = useInfiniteQuery(keysQuery(search.workspace));
  const workspaces = useQuery(workspacesQuery);
  const keys = useMemo(() => query.data?.pages.flat() ?? [], [query.data]);
  const create = (
    <Button kind="primary" onClick={() => set({ create: true })}>
      Create key
    </Button>
  );
  return (
    <Page
      title="API keys"
      note={query.data && <p role="status">{`${keys.length}${query.hasNextPage ? ' and more' : ''}`}</p>}
      actions={create}
    >
      <search>
        <form className="flex flex-wrap items-center gap-2" onSubmit={event => event.preventDefault()}>
          <Input
            type="search"
            aria-label="Filter by name"
            placeholder="Filter by name"
            className="w-64"
            value={search.q ?? ''}
            onChange={event => set({ q: event.target.value || undefined })}
          />
          {(workspaces.data?.length ?? 0) > 1 && (
            <Select
              aria-label="Workspace"
              className="max-w-44"
              value={search.workspace ?? ''}
              onChange={event => set({ workspace: event.target.value || undefined })}
            >
              {workspaces.data?.map(workspace => (
                <option key={workspace.id} value={workspace.slug === 'default' ? '' : workspace.id}>
                  {workspace.name}
                </option>
              ))}
            </Select>
          )}
        </form>
      </search>
      <Load query={query} what="API keys" lines={6}>
        {() =>
          keys.length === 0 ? (
            <Empty
              title="No keys yet"
              action={<Button onClick={() => set({ create: true })}>Create the first key</Button>}
            >
              A key lets a program call this gateway. Give each program its own, so that you see and cap what
              it spends.
            </Empty>
          ) : (
            <>
              <KeyTable keys={keys} search={search} set={set} />
              {query.hasNextPage && (
                <Button
                  className="self-start"
                  onClick={() => void query.fetchNextPage()}
                  disabled={query.isFetchingNextPage}
                >
                  {query.isFetchingNextPage ? 'Loading…' : 'Load more'}
                </Button>
              )}
            </>
          )
        }
      </Load>
      <p className="max-w-prose text-xs text-ink-3">
        Management keys are made and revoked on the server’s machine: trunkline key create --management.
      </p>
      <CreateKey
        open={search.create === true}
        onClose={() => set({ create: undefined })}
        workspace={search.workspace}
      />
    </Page>
  );
}

function KeyTable({
  keys,
  search,
  set,
}: {
  keys: Key[];
  search: KeysSearch;
  set: (patch: Partial<KeysSearch>) => void;
}) {
  const [editing, setEditing] = useState<Key | null>(null);
  const [deleting, setDeleting] = useState<Key | null>(null);
  const order = search.order ?? 'created';
  const descending = search.descending ?? false;
  const rows = orderKeys(filterKeys(keys, search.q ?? ''), order, descending);
  const columns = useMemo(() => columnsOf(keys, setEditing, setDeleting), [keys]);
  if (rows.length === 0) {
    return (
      <Empty
        title="No key has such a name"
        action={<Button onClick={() => set({ q: undefined })}>Show all keys</Button>}
      >
        Looked at were {keys.length} keys.
      </Empty>
    );
  }
  return (
    <>
      <Table
        label="API keys"
        rows={rows}
        columns={columns}
        rowKey={key => key.hash}
        rowClass={key => (key.disabled || isExpired(key) ? 'text-ink-3' : '')}
        sort={{ key: order, descending }}
        onSort={key =>
          set({
            order: key,
            descending: order === key ? !descending || undefined : key !== 'name' || undefined,
          })
        }
      />
      <EditKey keyToEdit={editing} onClose={() => setEditing(null)} />
      <DeleteKey keyToDelete={deleting} onClose={() => setDeleting(null)} />
    </>
  );
}

function Limit({ of }: { of: Key }) {
  if (of.limit == null) return <span className="text-ink-3">none of its own</span>;
  const [limit, left] = [nano(of.limit), nano(of.limit_remaining)];
  const share = limit > 0n ? toNumber(limit - left) / toNumber(limit) : 1;
  return (
    <span className="flex items-center gap-2 whitespace-nowrap">
      <LimitBar share={share} label={`${percent(share)} of the limit used`} />
      {usd(limit - left)} / {usd(limit)}
    </span>
  );
}

function columnsOf(keys: Key[], edit: (key: Key) => void, remove: (key: Key) => void): Column<Key>[] {
  const today = usdColumn(keys.map(key => nano(key.usage_daily)));
  const month = usdColumn(keys.map(key => nano(key.usage_monthly)));
  return [
    {
      key: 'name',
      label: 'Name',
      cell: key => (
        <span className="block whitespace-nowrap">
          <span className="font-semibold">{key.name}</span> {key.disabled && <Badge>disabled</Badge>}{' '}
          {isExpired(key) && <Badge tone="warn">ended</Badge>}
          <code className="block font-mono text-2xs text-ink-3">{key.label}</code>
        </span>
      ),
    },
    { key: 'today', label: 'Today', numeric: true, cell: key => today(nano(key.usage_daily)) },
    { key: 'month', label: 'This month', numeric: true, cell: key => month(nano(key.usage_monthly)) },
    { key: 'limit', label: 'Limit', cell: key => <Limit of={key} /> },
    {
      key: 'resets',
      label: 'Starts afresh',
      wide: true,
      sortable: false,
      cell: key => (key.limit == null ? '' : resetsAt(key.limit_reset, Date.now())),
    },
    {
      key: 'used',
      label: 'Last used',
      wide: true,
      cell: key => (key.last_used_at ? dateOf(key.last_used_at) : 'never'),
    },
    {
      key: 'expires',
      label: 'Ends',
      wide: true,
      cell: key => (key.expires_at ? dateOf(key.expires_at) : 'never'),
    },
    {
      key: 'actions',
      label: 'Actions',
      sortable: false,
      cell: key => (
        <span className="flex items-center gap-1 whitespace-nowrap text-ink">
          <Link
            to="/activity"
            search={{ where: [`api_key:${key.hash}`] }}
            className="rounded-m px-1.5 py-0.5 text-sm text-ink-2 hover:bg-sunken hover:text-ink"
          >
            Activity
          </Link>
          <Link
            to="/logs"
            search={{ key: key.hash }}
            className="rounded-m px-1.5 py-0.5 text-sm text-ink-2 hover:bg-sunken hover:text-ink"
          >
            Logs
          </Link>
          <Button kind="quiet" className="px-1.5" onClick={() => edit(key)} aria-label={`Edit ${key.name}`}>
            Edit
          </Button>
          <Button
            kind="quiet"
            className="px-1.5"
            onClick={() => remove(key)}
            aria-label={`Delete ${key.name}`}
          >
            Delete
          </Button>
        </span>
      ),
    },
  ];
}
