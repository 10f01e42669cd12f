import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ArrowDown, ArrowUp, GripVertical, Plus } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { type Credential, changeCredential, testStored } from '../../api/credentials';
import { refresh, workspacesQuery } from '../../api/queries';
import { dateOf } from '../../lib/moment';
import { useReason } from '../../session/session';
import { Badge } from '../../ui/badge';
import { Button, IconButton } from '../../ui/button';
import { Section } from '../../ui/page';
import { Roundel } from '../../ui/roundel';
import { Refusal } from '../../ui/states';
import { DeleteCredential, EditCredential } from './edit';
import { type Lists, listsOf, moves, type Place } from './lists';
import { LastResult, Verdict } from './verdict';

type Props = {
  provider: { slug: string; name: string };
  credentials: Credential[];
  onAdd: () => void;
};

/** The keys of one provider in the order they are tried, by drag or by buttons. */
export function ProviderKeys({ provider, credentials, onAdd }: Props) {
  const client = useQueryClient();
  const reason = useReason('credentials');
  const lists = listsOf(credentials, provider.slug);
  const [dragged, setDragged] = useState<string | null>(null);
  const [editing, setEditing] = useState<Credential | null>(null);
  const [deleting, setDeleting] = useState<Credential | null>(null);
  const moving = useMutation({
    mutationFn: async ({ id, to }: { id: string; to: Place }) => {
      for (const { id: one, ...change } of moves(lists, id, to)) await changeCredential(one, change);
    },
    onSettled: () => refresh(client, 'credentials'),
  });
  const rows = useRef<HTMLDivElement>(null);
  const pressed = useRef<{ id: string; act: string }>(undefined);
  const move = (id: string, to: Place, act?: Act) => {
    pressed.current = act && { id, act };
    moving.mutate({ id, to });
  };
  // A row that moves is made anew where it goes: whoever moved it goes with it.
  useEffect(() => {
    if (!pressed.current || moving.isPending) return;
    const { id, act } = pressed.current;
    pressed.current = undefined;
    const row = [...(rows.current?.querySelectorAll('li') ?? [])].find(one => one.dataset.key === id);
    row?.querySelector<HTMLElement>(`[data-act="${act}"]`)?.focus();
  });
  const total = lists.first.length + lists.fallback.length;
  return (
    <Section
      title={provider.name}
      actions={
        <Button kind="quiet" onClick={onAdd} reason={reason} aria-label={`Add key of ${provider.name}`}>
          <Plus size={14} aria-hidden />
          Add key
        </Button>
      }
    >
      <div ref={rows}>
        {(['first', 'fallback'] as const).map(list => (
          <section
            key={list}
            aria-label={`${provider.name}, ${list === 'first' ? 'tried first' : 'tried when these fail'}`}
            onDragOver={event => dragged && event.preventDefault()}
            onDrop={() => dragged && move(dragged, { list, at: lists[list].length })}
          >
            {(list === 'fallback' || lists.fallback.length > 0) && (dragged || lists[list].length > 0) && (
              <h3 className="mt-1 text-2xs font-semibold text-ink-3">
                {list === 'first' ? 'Tried first' : 'Tried when these fail'}
              </h3>
            )}
            {dragged && lists[list].length === 0 && (
              <p className="rounded-m border border-dashed border-edge px-3 py-1.5 text-ink-3">Drop here</p>
            )}
            <ul>
              {lists[list].map((one, at) => (
                <Row
                  key={one.id}
                  one={one}
                  provider={provider.name}
                  at={at}
                  list={list}
                  lists={lists}
                  reason={reason}
                  onMove={move}
                  onDrag={setDragged}
                  dragged={dragged}
                  onEdit={() => setEditing(one)}
                  onDelete={() => setDeleting(one)}
                />
              ))}
            </ul>
          </section>
        ))}
      </div>
      <Refusal error={moving.error} />
      <EditCredential credential={editing} provider={provider.name} onClose={() => setEditing(null)} />
      <DeleteCredential
        credential={deleting}
        provider={provider.name}
        isLast={total === 1}
        onClose={() => setDeleting(null)}
      />
    </Section>
  );
}

/** `3 models`; nothing where nothing is restricted. */
const numbered = (list: string[] | null, what: string) =>
  list && `${list.length} ${what}${list.length === 1 ? '' : 's'}`;

/** What moves a row. */
type Act = 'earlier' | 'later' | 'other';

type RowProps = {
  one: Credential;
  provider: string;
  at: number;
  list: keyof Lists;
  lists: Lists;
  reason: string | false;
  dragged: string | null;
  onMove: (id: string, to: Place, act?: Act) => void;
  onDrag: (id: string | null) => void;
  onEdit: () => void;
  onDelete: () => void;
};
function Row({
  one,
  provider,
  at,
  list,
  lists,
  reason,
  dragged,
  onMove,
  onDrag,
  onEdit,
  onDelete,
}: RowProps) {
  const client = useQueryClient();
  const testing = useMutation({
    mutationFn: () => testStored(one.id),
    onSuccess: () => refresh(client, 'credentials'),
  });
  const name = one.name || one.label;
  const isOurs = one.source === 'stored';
  const fixed = reason || (!isOurs && 'Set by a variable of the server');
  const other = list === 'first' ? 'fallback' : 'first';
  const workspaces = useQuery(workspacesQuery);
  const restrictions = [
    one.workspace_id &&
      (workspaces.data?.find(space => space.id === one.workspace_id)?.name ?? one.workspace_id),
    numbered(one.allowed_models, 'model'),
    numbered(one.allowed_api_key_hashes, 'key'),
    numbered(one.allowed_user_ids, 'member'),
  ].filter(Boolean);
  return (
    <li
      data-key={one.id}
      draggable={!fixed}
      onDragStart={event => {
        event.dataTransfer.effectAllowed = 'move';
        onDrag(one.id);
      }}
      onDragEnd={() => onDrag(null)}
      onDragOver={event => dragged && event.preventDefault()}
      onDrop={event => {
        event.stopPropagation();
        if (dragged && dragged !== one.id) onMove(dragged, { list, at });
      }}
      className={`border-t border-rule py-1.5 ${dragged === one.id ? 'opacity-50' : ''} ${one.disabled ? 'text-ink-3' : ''}`}
    >
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <GripVertical
          size={14}
          aria-hidden
          className={`flex-none text-ink-3 max-md:hidden ${fixed ? 'opacity-20' : 'cursor-grab'}`}
        />
        <Roundel name={provider} />
        <span className="min-w-40 flex-1 wrap-anywhere">
          <span className="font-semibold">{name}</span> {one.disabled && <Badge>disabled</Badge>}{' '}
          {!isOurs && <Badge>environment</Badge>}{' '}
          {restrictions.length > 0 && <Badge wraps>only {restrictions.join(', ')}</Badge>}
          <span className="block text-xs text-ink-3">
            {isOurs ? (
              <>
                <code className="font-mono text-2xs">{one.label}</code>, since {dateOf(one.created_at)}
                {one.workspace_id === null && ', used by every workspace'}
              </>
            ) : (
              'set where the server runs'
            )}
          </span>
        </span>
        <LastResult result={one.last_result} />
        <span className="flex items-center">
          <IconButton
            label={`Try ${name} earlier`}
            data-act="earlier"
            reason={fixed || (at === 0 && 'It is the first of these')}
            onClick={() => onMove(one.id, { list, at: at - 1 }, 'earlier')}
          >
            <ArrowUp size={14} aria-hidden />
          </IconButton>
          <IconButton
            label={`Try ${name} later`}
            data-act="later"
            reason={fixed || (at === lists[list].length - 1 && 'It is the last of these')}
            onClick={() => onMove(one.id, { list, at: at + 1 }, 'later')}
          >
            <ArrowDown size={14} aria-hidden />
          </IconButton>
          <Button
            kind="quiet"
            className="px-2"
            data-act="other"
            reason={fixed}
            aria-label={`${list === 'first' ? 'To fallback' : 'To first'}: ${name}`}
            onClick={() => onMove(one.id, { list: other, at: lists[other].length }, 'other')}
          >
            {list === 'first' ? 'To fallback' : 'To first'}
          </Button>
          <Button
            kind="quiet"
            className="px-2"
            reason={reason}
            disabled={testing.isPending}
            aria-label={`Test ${name}`}
            onClick={() => testing.mutate()}
          >
            {testing.isPending ? 'Testing…' : 'Test'}
          </Button>
          <Button kind="quiet" className="px-2" reason={fixed} onClick={onEdit} aria-label={`Edit ${name}`}>
            Edit
          </Button>
          <Button
            kind="quiet"
            className="px-2"
            reason={fixed}
            onClick={onDelete}
            aria-label={`Delete ${name}`}
          >
            Delete
          </Button>
        </span>
      </div>
      {testing.data && (
        <div role="status" className="mt-1 pl-9">
          <Verdict result={testing.data} provider={provider} />
        </div>
      )}
      <Refusal error={testing.error} />
    </li>
  );
}
