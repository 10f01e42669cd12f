import { useState } from 'react';
import { fieldError } from '../../api/refusal';
import { Field, Input, Select } from '../../ui/field';

const RESETS = [
  ['', 'Never'],
  ['daily', 'Daily, at 00:00 UTC'],
  ['weekly', 'Weekly, on Monday'],
  ['monthly', 'Monthly, on the first'],
] as const;

/** The choices of when a limit starts afresh. */
export const ResetOptions = () =>
  RESETS.map(([value, label]) => (
    <option key={value} value={value}>
      {label}
    </option>
  ));

/** The limit of a key and when it starts afresh: the members `limit` and `reset` of a form. */
export function LimitFields({
  error,
  limit = '',
  reset = '',
  onLimited,
}: {
  error: Error | null;
  limit?: string;
  reset?: string;
  onLimited?: (limited: boolean) => void;
}) {
  const [limited, setLimited] = useState(limit !== '');
  return (
    <>
      <Field label="Spend limit (USD)" hint="Empty: no limit of its own." error={fieldError(error, 'limit')}>
        {wiring => (
          <Input
            {...wiring}
            name="limit"
            type="number"
            min={0}
            step="any"
            inputMode="decimal"
            defaultValue={limit}
            onChange={event => {
              setLimited(event.target.value !== '');
              onLimited?.(event.target.value !== '');
            }}
          />
        )}
      </Field>
      <Field
        label="Limit starts afresh"
        hint={!limited && 'Set a limit first.'}
        error={fieldError(error, 'limit_reset')}
      >
        {wiring => (
          <Select {...wiring} name="reset" defaultValue={reset} disabled={!limited}>
            <ResetOptions />
          </Select>
        )}
      </Field>
    </>
  );
}

/** A number of a form, or nothing where nothing stands. */
export const optionalNumber = (form: FormData, name: string) => {
  const text = String(form.get(name) ?? '').trim();
  return text === '' ? null : Number(text);
};
