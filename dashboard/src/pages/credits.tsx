import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { analyticsQuery, money } from '../api/analytics';
import { ApiError, api, NoAnswer } from '../api/client';
import { type Naming, useNames } from '../api/names';
import { creditsQuery, type LedgerEntry, ledgerQuery, refresh } from '../api/queries';
import { fieldError, otherError } from '../api/refusal';
import { momentOf } from '../lib/moment';
import { nano, usd, usdExact } from '../lib/money';
import { useReason } from '../session/session';
import { Button } from '../ui/button';
import { Dialog, DialogActions } from '../ui/dialog';
import { Field, Input, Select } from '../ui/field';
import { Figures, Page, Section } from '../ui/page';
import { Empty, Load, Refusal } from '../ui/states';
import { type Column, Name, Table } from '../ui/table';
import { actorText, readActor } from './actors';
import { lasts } from './lasts';

export function CreditsPage() {
  const credits = useQuery(creditsQuery);
  const burnt = useQuery(analyticsQuery({ metrics: ['total_usage'], range: '30d' }));
  const [granting, setGranting] = useState(false);
  const reason = useReason('credits');
  const inThirtyDays = burnt.data?.rows[0] ? money(burnt.data.rows[0], 'total_usage') : null;
  return (
    <Page
      title="Credits"
      actions={
        <Button kind="primary" onClick={() => setGranting(true)} reason={reason}>
          Grant or correct
        </Button>
      }
    >
      <Load query={credits} what="Credits" lines={2}>
        {({ total_credits, total_usage }) => {
          const [credited, used] = [nano(total_credits), nano(total_usage)];
          const balance = credited - used;
          const isLimited = credited !== 0n;
          return (
            <>
              <Figures
                figures={[
                  {
                    label: 'Balance',
                    value: isLimited ? usd(balance) : 'not limited',
                    note: isLimited ? usdExact(balance) : 'no credit was ever given',
                  },
                  {
                    label: 'Credited',
                    value: isLimited ? usd(credited) : 'nothing',
                    note: isLimited ? usdExact(credited) : ' ',
                  },
                  { label: 'Used', value: usd(used), note: usdExact(used) },
                  {
                    label: 'Used in 30 days',
                    value: inThirtyDays === null ? '–' : usd(inThirtyDays),
                    note: isLimited ? lasts(balance, inThirtyDays) : ' ',
                  },
                ]}
              />
              {isLimited && balance < 0n && (
                <p role="status" className="border-l-2 border-bad pl-3 text-bad">
                  The account is in debt: every request is refused until credit is granted.
                </p>
              )}
            </>
          );
        }}
      </Load>
      <Entries />
      <Dialog open={granting} onClose={() => setGranting(false)} title="Grant or correct credit">
        <GrantForm onClose={() => setGranting(false)} />
      </Dialog>
    </Page>
  );
}

const columnsOf = (name: Naming): Column<LedgerEntry>[] => [
  {
    key: 'time',
    label: 'Time',
    cell: entry => (
      <time dateTime={entry.created_at} className="whitespace-nowrap text-ink-2 tabular-nums">
        {momentOf(entry.created_at)}
      </time>
    ),
  },
  { key: 'kind', label: 'Kind', cell: entry => entry.kind },
  {
    key: 'reason',
    label: 'Reason',
    cell: entry => <span className="block min-w-36 wrap-anywhere">{entry.reason}</span>,
  },
  {
    key: 'actor',
    label: 'By',
    from: 40,
    cell: entry => <Name text={actorText(readActor(entry.actor), name)} className="text-ink-2" />,
  },
  {
    key: 'amount',
    label: 'Amount',
    numeric: true,
    cell: entry => {
      const amount = nano(entry.amount);
      return (
        <span className={amount < 0n ? 'text-bad' : 'text-ok'}>
          {amount > 0n ? `+${usdExact(amount)}` : usdExact(amount)}
        </span>
      );
    },
  },
];

function Entries() {
  const query = useInfiniteQuery(ledgerQuery);
  const entries = query.data?.pages.flatMap(page => page.entries) ?? [];
  const name = useNames(entries.map(entry => readActor(entry.actor)).map(one => one.id));
  const columns = useMemo(() => columnsOf(name), [name]);
  return (
    <Section title="Ledger" note="it only grows; a mistake is corrected by an adjustment">
      <Load query={query} what="The ledger">
        {() =>
          entries.length === 0 ? (
            <Empty title="No entry yet">
              Without credit the account is limited by its keys and budgets alone. From the first grant on,
              requests are refused when the balance is spent.
            </Empty>
          ) : (
            <>
              <Table label="Ledger" rows={entries} columns={columns} rowKey={entry => entry.id} />
              {query.hasNextPage && (
                <Button
                  className="mt-3"
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
    </Section>
  );
}

type Kind = 'grant' | 'adjustment' | 'refund';
const HINT: Record<Kind, string> = {
  grant: 'Added to the balance.',
  refund: 'Paid back to who had it: taken from the balance.',
  adjustment: 'A correction: above zero it adds, below zero it takes.',
};

/** Whether the entry may have been made: nobody said that it was not. */
const isUncertain = (error: Error | null) =>
  error instanceof NoAnswer || (error instanceof ApiError && error.status >= 500);

/** The newest entries, beside the question whether one of them is it. */
function Uncertain({ error }: { error: Error | null }) {
  const ledger = useInfiniteQuery(ledgerQuery);
  const newest = ledger.data?.pages[0]?.entries.slice(0, 3) ?? [];
  return (
    <div role="alert" className="grid gap-2 border-l-2 border-warn pl-3">
      <p>
        {error instanceof ApiError ? `The server says: ${error.message}` : 'No answer came.'} It is not known
        whether this was entered. Look at the newest entries before you enter it once more: it would count
        twice.
      </p>
      {ledger.isFetching ? (
        <p className="text-ink-3">Reading the ledger…</p>
      ) : ledger.error ? (
        <p>The ledger cannot be read either. Close this, and look at it when the server answers.</p>
      ) : newest.length === 0 ? (
        <p className="text-ink-3">There is no entry: it was not entered.</p>
      ) : (
        <ul aria-label="Newest entries" className="text-xs">
          {newest.map(entry => (
            <li key={entry.id}>
              {momentOf(entry.created_at)}: {usdExact(nano(entry.amount))}
              {entry.reason && `, ${entry.reason}`}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function GrantForm({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [kind, setKind] = useState<Kind>('grant');
  const granting = useMutation({
    mutationFn: (form: FormData) =>
      api.POST('/api/v1/credits/grants', {
        body: { kind, amount: Number(form.get('amount')), reason: String(form.get('reason')).trim() },
      }),
    onSuccess: async () => {
      await refresh(client, 'credits', 'ledger');
      onClose();
    },
    onError: error => isUncertain(error) && refresh(client, 'credits', 'ledger'),
  });
  const uncertain = isUncertain(granting.error);
  return (
    <form
      className="grid gap-4"
      onSubmit={event => {
        event.preventDefault();
        granting.mutate(new FormData(event.currentTarget));
      }}
    >
      <Field label="Kind" hint={HINT[kind]}>
        {wiring => (
          <Select {...wiring} value={kind} onChange={event => setKind(event.target.value as Kind)}>
            <option value="grant">Grant</option>
            <option value="adjustment">Adjustment</option>
            <option value="refund">Refund</option>
          </Select>
        )}
      </Field>
      <Field label="Amount (USD)" error={fieldError(granting.error, 'amount')}>
        {wiring => (
          <Input
            {...wiring}
            name="amount"
            type="number"
            step="any"
            required
            inputMode="decimal"
            min={kind === 'adjustment' ? undefined : 0}
          />
        )}
      </Field>
      <Field
        label="Reason"
        hint="For those who read the ledger later."
        error={fieldError(granting.error, 'reason')}
      >
        {wiring => <Input {...wiring} name="reason" required maxLength={500} />}
      </Field>
      {uncertain ? (
        <Uncertain error={granting.error} />
      ) : (
        <Refusal error={otherError(granting.error, ['amount', 'reason'])} />
      )}
      <DialogActions>
        <Button kind="quiet" onClick={onClose}>
          Cancel
        </Button>
        <Button kind="primary" type="submit" disabled={granting.isPending}>
          {uncertain ? 'Enter it once more' : 'Enter in the ledger'}
        </Button>
      </DialogActions>
    </form>
  );
}
