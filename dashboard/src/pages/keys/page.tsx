import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { type Key, keysQuery, workspacesQuery } from '../../api/queries';
import { percent } from '../../lib/format';
import { dateOf } from '../../lib/moment';
import { nano, usd, usdColumn } from '../../lib/money';
import type { KeysSearch } from '../../search';
import { useAbility } from '../../session/session';
import { OVER, useClose } from '../../shell/over';
import { Badge, LimitBar } from '../../ui/badge';
import { Button } from '../../ui/button';
import { Choice, Select } from '../../ui/field';
import { LateInput } from '../../ui/late-input';
import { Page } from '../../ui/page';
import { Empty, Load } from '../../ui/states';
import { type Column, Name, Table } from '../../ui/table';
import { bindingOf } from './binding';
import { CreateKey } from './create';
import { DeleteKey, EditKey } from './edit';
import { ManagementKeys } from './management';
import { isExpired } from './order';
import { RotateKey } from './rotate';

const route = getRouteApi('/keys');
const KINDS = [
  { value: 'api', label: 'API keys' },
  { value: 'management', label: 'Management keys' },
] as const;
type Props = {
  search: KeysSearch;
  /** `typed`: by letters, of which Back takes none away by itself. */
  set: (patch: Partial<KeysSearch>, typed?: boolean) => void;
  create: () => void;
  close: () => void;
};

export function KeysPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const seesManagement = useAbility('management_keys');
  const set: Props['set'] = (patch, typed) =>
    void navigate({
      search: now => ({ ...now, ...patch }),
      ...(typed && { replace: true, state: true as const }),
    });
  const create = () => void navigate({ search: now => ({ ...now, create: true }), state: OVER });
  const close = useClose(
    () => void navigate({ search: now => ({ ...now, create: undefined }), replace: true }),
  );
  const kind = seesManagement ? (search.kind ?? 'api') : 'api';
  return (
    <Page
      title={kind === 'management' ? 'Management keys' : 'API keys'}
      actions={
        <>
          {seesManagement && (
            <Choice
              label="Kind of keys"
              value={kind}
              options={KINDS}
              onChange={next => void navigate({ search: { kind: next === 'api' ? undefined : next } })}
            />
          )}
          <Button kind="primary" onClick={create}>
            Create key
          </Button>
        </>
      }
    >
      {kind === 'management' ? (
        <ManagementKeys creates={search.create === true} onClose={close} />
      ) : (
        <ApiKeys search={search} set={set} create={create} close={close} />
      )}
    </Page>
  );
}

const ORDERS = [
  ['created', 'Oldest first'],
  ['name', 'By name'],
  ['spend', 'Most spent first'],
  ['last_used', 'Last used first'],
  ['expires', 'First to end'],
  ['limit', 'Nearest their limit first'],
] as const;

function ApiKeys({ search, set, create, close }: Props) {
  const question = { workspace: search.workspace, search: search.q, order: search.order };
  const query = useInfiniteQuery({ ...keysQuery(question), placeholderData: before => before });
  const workspaces = useQuery(workspacesQuery);
  // The address may name one by its id, or as people write it.
  const named = workspaces.data?.find(one => search.workspace === one.id || search.workspace === one.slug);
  const shown = named ? (named.slug === 'default' ? '' : named.id) : (search.workspace ?? '');
  const keys = useMemo(() => query.data?.pages.flatMap(page => page.keys) ?? [], [query.data]);
  return (
    <>
      <search>
        <form className="flex flex-wrap items-center gap-2" onSubmit={event => event.preventDefault()}>
          {/* Searched is on the server, over all keys, when the writer pauses. */}
          <LateInput
            type="search"
            aria-label="Search keys"
            placeholder="Search by name"
            className="w-64"
            value={search.q ?? ''}
            onChange={q => set({ q: q || undefined }, true)}
          />
          <Select
            aria-label="Order"
            className="max-w-44"
            value={search.order ?? 'created'}
            onChange={event =>
              set({ order: event.target.value === 'created' ? undefined : event.target.value })
            }
          >
            {ORDERS.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </Select>
          {(workspaces.data?.length ?? 0) > 1 && (
            <Select
              aria-label="Workspace"
              className="max-w-44"
              value={shown}
              onChange={event => set({ workspace: event.target.value || undefined })}
            >
              {!named && shown && <option>{shown}</option>}
              {workspaces.data?.map(workspace => (
                <option key={workspace.id} value={workspace.slug === 'default' ? '' : workspace.id}>
                  {workspace.name}
                </option>
              ))}
            </Select>
          )}
          <p role="status" className="text-ink-3">
            {query.data &&
              `${keys.length}${query.hasNextPage ? ' and more' : ''} ${keys.length === 1 ? 'key' : 'keys'}`}
          </p>
        </form>
      </search>
      <Load query={query} what="API keys" lines={6}>
        {() =>
          keys.length === 0 && search.q ? (
            <Empty
              title="No key has such a name"
              action={<Button onClick={() => set({ q: undefined })}>Show all keys</Button>}
            >
              Looked at were the keys of this workspace.
            </Empty>
          ) : keys.length === 0 ? (
            <Empty title="No keys yet" action={<Button onClick={create}>Create the first key</Button>}>
              A key lets a program call this gateway. Give each program its own, so that you see and cap what
              it spends.
            </Empty>
          ) : (
            <>
              <KeyTable keys={keys} />
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
      <CreateKey open={search.create === true} onClose={close} workspace={shown || undefined} />
    </>
  );
}

function KeyTable({ keys }: { keys: Key[] }) {
  const [editing, setEditing] = useState<Key | null>(null);
  const [deleting, setDeleting] = useState<Key | null>(null);
  const [rotating, setRotating] = useState<Key | null>(null);
  const columns = useMemo(() => columnsOf(keys, setEditing, setRotating, setDeleting), [keys]);
  return (
    <>
      <Table
        label="API keys"
        rows={keys}
        columns={columns}
        rowKey={key => key.hash}
        rowClass={key => (key.disabled || isExpired(key) ? 'text-ink-3' : '')}
      />
      <EditKey keyToEdit={editing} onClose={() => setEditing(null)} />
      <RotateKey keyToRotate={rotating} onClose={() => setRotating(null)} />
      <DeleteKey keyToDelete={deleting} onClose={() => setDeleting(null)} />
    </>
  );
}

/** The limit that binds, whosever it is, and how much of it is used. */
function Limit({ of }: { of: Key }) {
  const binding = bindingOf(of);
  if (!binding) return <span className="text-ink-3">none</span>;
  const { share, used, limit, whose, resets } = binding;
  const note = [whose, resets !== 'never' && `afresh ${resets}`].filter(Boolean).join(', ');
  return (
    <span className="flex items-center gap-2 whitespace-nowrap">
      <LimitBar share={share} label={`${percent(share)} of the limit used`} />
      <span>
        {usd(used)} / {usd(limit)}
        {note && <span className="block text-2xs text-ink-3">{note}</span>}
      </span>
    </span>
  );
}

type Act = (key: Key) => void;
function columnsOf(keys: Key[], edit: Act, rotate: Act, remove: Act): Column<Key>[] {
  const today = usdColumn(keys.map(key => nano(key.usage_daily)));
  const month = usdColumn(keys.map(key => nano(key.usage_monthly)));
  return [
    {
      key: 'name',
      label: 'Name',
      cell: key => (
        <>
          <span className="flex flex-wrap items-center gap-x-1.5">
            <Name text={key.name} className="font-semibold" /> {key.disabled && <Badge>disabled</Badge>}{' '}
            {isExpired(key) && <Badge tone="warn">ended</Badge>}{' '}
            {key.origin === 'playground' && <Badge>made by the playground</Badge>}
          </span>
          <Name
            text={[key.label, key.member && (key.member.name || key.member.email)].filter(Boolean).join(' ')}
            className="text-2xs text-ink-3"
          >
            <code className="font-mono">{key.label}</code>
            {key.member && ` ${key.member.name || key.member.email}`}
          </Name>
        </>
      ),
    },
    {
      key: 'today',
      label: 'Today',
      numeric: true,
      from: 24,
      cell: key => (
        <Link
          to="/logs"
          search={{ key: key.hash }}
          aria-label={`${today(nano(key.usage_daily))}, requests of ${key.name}`}
          title="Its requests"
          className="inline-block min-h-6 content-center hover:underline"
        >
          {today(nano(key.usage_daily))}
        </Link>
      ),
    },
    {
      key: 'month',
      label: 'This month',
      numeric: true,
      from: 54,
      cell: key => (
        <Link
          to="/activity"
          search={{ where: [`api_key:${key.hash}`] }}
          aria-label={`${month(nano(key.usage_monthly))}, activity of ${key.name}`}
          title="Its activity"
          className="inline-block min-h-6 content-center hover:underline"
        >
          {month(nano(key.usage_monthly))}
        </Link>
      ),
    },
    { key: 'limit', label: 'Limit', sortable: false, from: 40, cell: key => <Limit of={key} /> },
    {
      key: 'used',
      label: 'Last used',
      from: 68,
      cell: key => (
        <span className="whitespace-nowrap">{key.last_used_at ? dateOf(key.last_used_at) : 'never'}</span>
      ),
    },
    {
      key: 'expires',
      label: 'Ends',
      from: 68,
      cell: key => (
        <span className="whitespace-nowrap">{key.expires_at ? dateOf(key.expires_at) : 'never'}</span>
      ),
    },
    {
      key: 'actions',
      label: 'Actions',
      cell: key => (
        <span className="flex items-center gap-0.5 whitespace-nowrap text-ink">
          {(
            [
              ['Edit', edit],
              ['Rotate', rotate],
              ['Delete', remove],
            ] as const
          ).map(([label, act]) => (
            <Button
              key={label}
              kind="quiet"
              className="px-1.5"
              onClick={() => act(key)}
              reason={label === 'Rotate' && key.origin === 'playground' && 'Nobody has its secret'}
              aria-label={`${label} ${key.name}`}
            >
              {label}
            </Button>
          ))}
        </span>
      ),
    },
  ];
}
