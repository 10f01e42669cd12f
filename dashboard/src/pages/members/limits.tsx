import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type MemberLimit, memberLimitsQuery, removeMemberLimit, setMemberLimit } from '../../api/people';
import { type Member, refresh } from '../../api/queries';
import { fieldError, otherError } from '../../api/refusal';
import { percent } from '../../lib/format';
import { nano, plain, usd } from '../../lib/money';
import { LimitBar } from '../../ui/badge';
import { Button } from '../../ui/button';
import { Checkbox, Input } from '../../ui/field';
import { Load, Refusal } from '../../ui/states';
import { INTERVALS, type Interval, type LimitUse, perWindow, stateOf, tightest } from './limit-use';

const Bar = ({ use }: { use: LimitUse }) =>
  use.share !== null && <LimitBar share={use.share} label={`${percent(use.share)} of the limit used`} />;

/** The limit that stops this member first, in the list. */
export function TightestLimit({ limits }: { limits: MemberLimit[] }) {
  const use = tightest(limits);
  if (!use) return <span className="text-ink-3">none</span>;
  const note = [perWindow(use.interval), use.afresh && `afresh ${use.afresh}`].filter(Boolean).join(', ');
  return (
    <span className="flex items-center gap-2 whitespace-nowrap">
      <span className="max-2xl:hidden">
        <Bar use={use} />
      </span>
      <span>
        {use.used === null ? usd(use.limit) : `${usd(use.used)} / ${usd(use.limit)}`}
        <span className="block text-2xs text-ink-3">{note}</span>
      </span>
    </span>
  );
}

/** What all keys of a member may spend together, and how much of it is used. */
export function Limits({ member, reason }: { member: Member; reason: string | false }) {
  const query = useQuery(memberLimitsQuery(member.id));
  return (
    <section aria-label="Limits">
      <h3 className="mb-1 font-semibold">Limits over all keys</h3>
      <p className="mb-2 text-xs text-ink-3">
        A request that could go beyond one of them is refused with 403. Days are UTC, weeks begin on Monday.
      </p>
      <Load query={query} what="Limits" lines={3}>
        {limits =>
          INTERVALS.map(([interval, label]) => {
            const of = limits.find(one => one.interval === interval);
            return (
              <LimitRow
                key={`${interval} ${of?.limit_usd} ${of?.include_byok}`}
                member={member}
                interval={interval}
                label={label}
                limit={of}
                reason={reason}
              />
            );
          })
        }
      </Load>
    </section>
  );
}

/** What is used of a limit, in words. */
function used(use: LimitUse): string {
  const when = use.afresh ? `, afresh ${use.afresh}` : '';
  if (use.used === null || use.left === null) return `How much is used cannot be told now${when}`;
  if (use.left === 0n) return `${usd(use.used)} used: nothing is left${when}`;
  return `${usd(use.used)} used, ${usd(use.left)} left${when}`;
}

type LimitProps = {
  member: Member;
  interval: Interval;
  label: string;
  limit: MemberLimit | undefined;
  reason: string | false;
};
function LimitRow({ member, interval, label, limit, reason }: LimitProps) {
  const client = useQueryClient();
  const before = limit ? plain(nano(limit.limit_usd)) : '';
  const [amount, setAmount] = useState(before);
  const [byok, setByok] = useState(limit?.include_byok ?? false);
  const isRemoved = amount.trim() === '';
  const isChanged = amount !== before || (!isRemoved && byok !== (limit?.include_byok ?? false));
  const saving = useMutation({
    mutationFn: async () => {
      if (isRemoved) await removeMemberLimit(member.id, interval);
      else await setMemberLimit(member.id, interval, { limit_usd: Number(amount), include_byok: byok });
    },
    onSuccess: () => refresh(client, 'member-limits', 'keys'),
  });
  const wrong = fieldError(saving.error, 'limit_usd');
  const use = limit && stateOf(limit);
  return (
    <form
      className="grid gap-1 border-t border-rule py-1.5"
      onSubmit={event => {
        event.preventDefault();
        saving.mutate();
      }}
    >
      <div className="flex flex-wrap items-center gap-2">
        <label htmlFor={`limit-${interval}`} className="w-18">
          {label}
        </label>
        <Input
          id={`limit-${interval}`}
          type="number"
          min={0}
          step="any"
          inputMode="decimal"
          placeholder="no limit"
          className="w-28"
          disabled={Boolean(reason)}
          title={reason || undefined}
          aria-invalid={wrong ? true : undefined}
          value={amount}
          onChange={event => setAmount(event.target.value)}
        />
        <span className="text-xs text-ink-3">USD</span>
        {use && (
          <span className="flex items-center gap-2 text-xs text-ink-3">
            <Bar use={use} />
            {used(use)}
          </span>
        )}
      </div>
      {!isRemoved && (limit || isChanged) && (
        <div className="pl-20 max-md:pl-0">
          <Checkbox
            label="What own provider keys pay counts, too"
            checked={byok}
            disabled={Boolean(reason)}
            onChange={event => setByok(event.target.checked)}
          />
        </div>
      )}
      {wrong && (
        <p role="alert" className="text-xs text-bad">
          {wrong}
        </p>
      )}
      <Refusal error={otherError(saving.error, ['limit_usd'])} />
      {isChanged && (
        <div className="flex gap-2 pl-20 max-md:pl-0">
          <Button
            type="submit"
            kind={isRemoved ? 'danger' : 'primary'}
            disabled={saving.isPending}
            aria-label={`${isRemoved ? 'Remove' : 'Save'} the limit: ${label.toLowerCase()}`}
          >
            {isRemoved ? 'Remove the limit' : 'Save'}
          </Button>
          <Button
            kind="quiet"
            onClick={() => {
              setAmount(before);
              setByok(limit?.include_byok ?? false);
              saving.reset();
            }}
          >
            Discard
          </Button>
        </div>
      )}
    </form>
  );
}
