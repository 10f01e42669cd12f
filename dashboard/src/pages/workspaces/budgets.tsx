import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client';
import { type Budget, budgetsQuery, refresh, type Workspace } from '../../api/queries';
import { percent } from '../../lib/format';
import { resetsAt } from '../../lib/moment';
import { nano, plain, toNumber, usd, usdExact } from '../../lib/money';
import { useReason } from '../../session/session';
import { LimitBar } from '../../ui/badge';
import { Button } from '../../ui/button';
import { Dialog, DialogActions } from '../../ui/dialog';
import { Checkbox, Field, Input } from '../../ui/field';
import { Load, Refusal } from '../../ui/states';
import { budgetError, INTERVALS, type Interval, intervalOf } from './budget-rules';

const LABEL: Record<Interval, string> = {
  daily: 'A day',
  weekly: 'A week',
  monthly: 'A month',
  lifetime: 'In all',
};

export function Budgets({ workspace }: { workspace: Workspace }) {
  const query = useQuery(budgetsQuery(workspace.id));
  const [editing, setEditing] = useState<Interval | null>(null);
  const reason = useReason('workspaces');
  return (
    <Load query={query} what="Budgets">
      {({ budgets, includesByok }) => (
        <div className="@container">
          <table className="w-full" aria-label="Budgets">
            <tbody>
              {INTERVALS.map(interval => {
                const budget = budgets.find(one => intervalOf(one) === interval);
                return (
                  <tr
                    key={interval}
                    className="border-t border-rule @max-md:grid @max-md:grid-cols-[4.5rem_minmax(0,1fr)_auto] @max-md:items-center @max-md:gap-x-3 @max-md:py-1"
                  >
                    <th scope="row" className="py-1.5 text-left font-normal">
                      {LABEL[interval]}
                    </th>
                    <td className="num pr-6 font-semibold @max-md:pr-0">
                      {budget ? (
                        usdExact(nano(budget.limit_usd))
                      ) : (
                        <span className="font-normal text-ink-3">no limit</span>
                      )}
                    </td>
                    <td className="pr-4 whitespace-nowrap @max-md:order-2 @max-md:col-span-2 @max-md:pr-0">
                      {budget && <Used of={budget} />}
                    </td>
                    <td className="text-ink-3 @max-md:order-3">
                      {budget && interval !== 'lifetime' && `afresh ${resetsAt(interval, Date.now())}`}
                    </td>
                    <td className="text-right @max-md:order-1">
                      <Button
                        kind="quiet"
                        className="px-2"
                        onClick={() => setEditing(interval)}
                        reason={reason}
                        aria-label={`${budget ? 'Change' : 'Set'} the ${interval} budget`}
                      >
                        {budget ? 'Change' : 'Set'}
                      </Button>
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
          <p className="mt-2 text-xs text-ink-3">
            Own provider keys {includesByok ? 'count' : 'do not count'} toward them.
          </p>
          <Dialog
            open={editing !== null}
            onClose={() => setEditing(null)}
            title={`Budget: ${editing ? LABEL[editing].toLowerCase() : ''}`}
          >
            {editing && (
              <BudgetForm
                workspace={workspace}
                interval={editing}
                budgets={budgets}
                includesByok={includesByok}
                onClose={() => setEditing(null)}
              />
            )}
          </Dialog>
        </div>
      )}
    </Load>
  );
}

/** How much of a budget is used, as the server counts it against requests. */
function Used({ of }: { of: Budget }) {
  if (of.used_usd == null) return null;
  const [used, limit] = [nano(of.used_usd), nano(of.limit_usd)];
  const share = limit > 0n ? toNumber(used) / toNumber(limit) : 1;
  return (
    <span className="flex items-center gap-2">
      <LimitBar share={share} label={`${percent(share)} of the budget used`} />
      {usd(used)} used
    </span>
  );
}

type FormProps = {
  workspace: Workspace;
  interval: Interval;
  budgets: Budget[];
  includesByok: boolean;
  onClose: () => void;
};
function BudgetForm({ workspace, interval, budgets, includesByok, onClose }: FormProps) {
  const client = useQueryClient();
  const budget = budgets.find(one => intervalOf(one) === interval);
  const [amount, setAmount] = useState(budget ? plain(nano(budget.limit_usd)) : '');
  const [byok, setByok] = useState(includesByok);
  const path = { id: workspace.id, interval };
  const done = async () => {
    await refresh(client, 'budgets', 'workspaces');
    onClose();
  };
  const saving = useMutation({
    mutationFn: () =>
      api.PUT('/api/v1/workspaces/{id}/budgets/{interval}', {
        params: { path },
        body: { limit_usd: Number(amount), include_byok_in_budgets: byok },
      }),
    onSuccess: done,
  });
  const removing = useMutation({
    mutationFn: () => api.DELETE('/api/v1/workspaces/{id}/budgets/{interval}', { params: { path } }),
    onSuccess: done,
  });
  const isNumber = amount.trim() !== '' && Number.isFinite(Number(amount));
  const others = budgets.filter(one => one !== budget);
  const wrong = isNumber ? budgetError(interval, nano(amount), others) : null;
  return (
    <form
      className="grid gap-4"
      onSubmit={event => {
        event.preventDefault();
        saving.mutate();
      }}
    >
      <Field
        label="At most (USD)"
        error={wrong}
        hint="Requests that would go beyond it are refused with 403."
      >
        {wiring => (
          <Input
            {...wiring}
            type="number"
            min={0}
            step="any"
            required
            autoFocus
            inputMode="decimal"
            value={amount}
            onChange={event => setAmount(event.target.value)}
          />
        )}
      </Field>
      <Checkbox
        label="Own provider keys count"
        hint="Of all budgets of this workspace."
        checked={byok}
        onChange={event => setByok(event.target.checked)}
      />
      <Refusal error={saving.error ?? removing.error} />
      <DialogActions>
        {budget && (
          <Button
            kind="danger"
            className="mr-auto"
            onClick={() => removing.mutate()}
            disabled={removing.isPending}
          >
            Remove
          </Button>
        )}
        <Button kind="quiet" onClick={onClose}>
          Cancel
        </Button>
        <Button
          kind="primary"
          type="submit"
          disabled={saving.isPending}
          reason={wrong ?? (!isNumber && 'Say how much')}
        >
          Save
        </Button>
      </DialogActions>
    </form>
  );
}
