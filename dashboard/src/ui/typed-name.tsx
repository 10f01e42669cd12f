import { Field, Input } from './field';

/** Whether a name was typed as it is read: the page shows white space of any length as one space. */
export const isTyped = (typed: string, name: string) => folded(typed) === folded(name);
const folded = (text: string) => text.replace(/\s+/g, ' ').trim();

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
