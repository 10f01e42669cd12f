import { useState } from 'react';
import { publicAddress } from '../../api/client';
import { asCode } from '../../chat/as-code';
import { type Attachment, type Column, history, requestBody, type Turn } from '../../chat/conversation';
import { parametersOf, type Settings } from '../../chat/settings';
import { Dialog } from '../../ui/dialog';
import { Field, Select } from '../../ui/field';
import { Snippet } from '../../ui/snippet';

type Props = {
  open: boolean;
  onClose: () => void;
  columns: Column[];
  turns: Turn[];
  draft: string;
  attached: Attachment[];
  settings: Settings;
};

/** The next request as a program: what is in the field, or what was asked last. */
export function CodeDialog({ open, onClose, columns, turns, draft, attached, settings }: Props) {
  const [chosen, setChosen] = useState(0);
  const place = chosen < columns.length ? chosen : 0;
  const column = columns[place] ?? { id: 0, model: '' };
  const last = turns.at(-1);
  const isNext = draft.trim() !== '' || attached.length > 0 || !last;
  const question = isNext ? { prompt: draft.trim() || 'Hello!', attachments: attached } : last;
  const before = isNext ? turns : turns.slice(0, -1);
  const parameters = parametersOf(settings, place);
  const body = requestBody(column.model, history(before, column, question, parameters.system), parameters);
  return (
    <Dialog open={open} onClose={onClose} title="As code" wide>
      <div className="grid min-w-0 gap-4">
        {columns.length > 1 && (
          <Field label="Model">
            {wiring => (
              <Select {...wiring} value={place} onChange={event => setChosen(Number(event.target.value))}>
                {columns.map(({ id, model }, at) => (
                  <option key={id} value={at}>
                    {model}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        )}
        <Snippet code={language => asCode(language, publicAddress(), body)} />
      </div>
    </Dialog>
  );
}
