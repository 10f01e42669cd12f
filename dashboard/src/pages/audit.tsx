import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { type Naming, useNames } from '../api/names';
import { type AuditEntry, auditQuery } from '../api/queries';
import { momentOf } from '../lib/moment';
import { Button } from '../ui/button';
import { CopyIcon } from '../ui/copy';
import { Dialog } from '../ui/dialog';
import { Facts, Page } from '../ui/page';
import { Empty, Load } from '../ui/states';
import { type Column, Name, Table } from '../ui/table';
import { actorText } from './actors';
import { type Change, changes } from './changes';

const actionText = (entry: AuditEntry) => entry.action.replaceAll('_', ' ').replace('.', ': ');

export function AuditPage() {
  const query = useInfiniteQuery(auditQuery);
  const entries = query.data?.pages.flatMap(page => page.entries) ?? [];
  const name = useNames(
    entries.flatMap(one => [
      one.actor.kind === 'api_key' ? one.actor.id : '',
      one.subject_kind === 'api_key' ? one.subject_id : '',
    ]),
  );
  const [open, setOpen] = useState<AuditEntry | null>(null);
  const columns = useMemo<Column<AuditEntry>[]>(() => {
    return [
      {
        key: 'time',
        label: 'Time',
        cell: entry => (
          <time dateTime={entry.created_at} className="whitespace-nowrap text-ink-2 tabular-nums">
            {momentOf(entry.created_at)}
          </time>
        ),
      },
      {
        key: 'action',
        label: 'What',
        cell: entry => <span className="font-semibold">{actionText(entry)}</span>,
      },
      {
        key: 'subject',
        label: 'Of',
        from: 24,
        cell: entry => (
          <Name text={name(entry.subject_kind, entry.subject_id)} className="font-mono text-xs" />
        ),
      },
      { key: 'actor', label: 'By', from: 40, cell: entry => <Name text={actorText(entry.actor, name)} /> },
      { key: 'origin', label: 'From', from: 54, cell: entry => entry.actor.origin || '–' },
      {
        key: 'open',
        label: 'Change',
        cell: entry => (
          <Button
            kind="quiet"
            className="px-2"
            onClick={() => setOpen(entry)}
            aria-label={`Show the change ${entry.id}`}
          >
            Show
          </Button>
        ),
      },
    ];
  }, [name]);
  return (
    <Page title="Audit log" note="every change, newest first">
      <Load query={query} what="The audit log" lines={8}>
        {() =>
          entries.length === 0 ? (
            <Empty title="Nothing has been changed yet">
              Keys, budgets, credit and settings: whoever changes one is named here.
            </Empty>
          ) : (
            <>
              <Table label="Changes" rows={entries} columns={columns} rowKey={entry => entry.id} />
              {query.hasNextPage && (
                <Button
                  className="self-start"
                  onClick={() => void query.fetchNextPage()}
                  disabled={query.isFetchingNextPage}
                >
                  {query.isFetchingNextPage ? 'Loading…' : 'Load older'}
                </Button>
              )}
            </>
          )
        }
      </Load>
      <Dialog open={open !== null} onClose={() => setOpen(null)} title={open ? actionText(open) : ''} wide>
        {open && <Entry entry={open} name={name} />}
      </Dialog>
    </Page>
  );
}

function Entry({ entry, name }: { entry: AuditEntry; name: Naming }) {
  const found = changes(
    entry.before as Record<string, unknown> | null,
    entry.after as Record<string, unknown> | null,
    name,
  );
  return (
    <div className="grid gap-5">
      <Facts
        facts={[
          ['Time', momentOf(entry.created_at)],
          [
            entry.subject_kind.replaceAll('_', ' '),
            <code key="subject" className="font-mono text-xs break-all">
              {entry.subject_id}
            </code>,
          ],
          [
            'Entry',
            <span key="entry" className="inline-flex items-center">
              {entry.id}
              <CopyIcon text={entry.id} label="Copy the entry’s id" />
            </span>,
          ],
        ]}
      />
      <div className="overflow-x-auto">
        <table className="w-full text-sm" aria-label="What changed">
          <thead className="text-left text-xs text-ink-3">
            <tr>
              <th scope="col" className="pr-4 font-normal">
                Member
              </th>
              <th scope="col" className="pr-4 font-normal">
                Before
              </th>
              <th scope="col" className="font-normal">
                After
              </th>
            </tr>
          </thead>
          <tbody>
            {found.map(change => (
              <ChangeRow key={change.member} change={change} />
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

const ChangeRow = ({ change }: { change: Change }) => (
  <tr className="border-t border-rule align-top">
    <th scope="row" className="py-1 pr-4 text-left font-normal text-ink-2">
      {change.member}
    </th>
    <td className="py-1 pr-4 font-mono text-xs break-all">{change.before}</td>
    <td className="py-1 font-mono text-xs break-all">{change.after}</td>
  </tr>
);
