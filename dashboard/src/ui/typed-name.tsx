import { Field, Input } from './field';

/** What cannot be brought back is confirmed by typing its name. */
export function TypedName({
  name,
  typed,
  onType,
}: {
  name: string;
  typed: string;
  onType: (typed: string) => void;
}) {
  return (
    <Field label={`Type ${name} to confirm`}>
      {wiring => (
        <Input {...wiring} value={typed} onChange={event => onType(event.target.value)} autoComplete="off" />
      )}
    </Field>
  );
}
