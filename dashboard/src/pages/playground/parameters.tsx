import { useState } from 'react';
import type { Parameters } from '../../chat/conversation';
import { Button } from '../../ui/button';
import { Dialog, DialogActions } from '../../ui/dialog';
import { Field, Input, Select, TextArea } from '../../ui/field';

const number = (form: FormData, name: string) => {
  const text = String(form.get(name) ?? '').trim();
  return text === '' ? undefined : Number(text);
};

/** What is sent with every question. What is left empty is the provider's to choose. */
export function ParameterPanel({
  value,
  onChange,
}: {
  value: Parameters;
  onChange: (value: Parameters) => void;
}) {
  const [open, setOpen] = useState(false);
  const set = Object.values(value).filter(one => one !== undefined && one !== '').length;
  return (
    <>
      <Button kind="quiet" onClick={() => setOpen(true)}>
        Parameters{set > 0 && ` (${set})`}
      </Button>
      <Dialog open={open} onClose={() => setOpen(false)} title="Parameters">
        <form
          className="grid gap-4"
          onSubmit={event => {
            event.preventDefault();
            const form = new FormData(event.currentTarget);
            onChange({
              system: String(form.get('system')).trim() || undefined,
              temperature: number(form, 'temperature'),
              topP: number(form, 'top_p'),
              maxTokens: number(form, 'max_tokens'),
              effort: String(form.get('effort')) || undefined,
            });
            setOpen(false);
          }}
        >
          <Field label="System prompt">
            {wiring => <TextArea {...wiring} name="system" rows={4} defaultValue={value.system} />}
          </Field>
          <div className="grid grid-cols-3 gap-4 max-md:grid-cols-1">
            <Field label="Temperature" hint="0 to 2">
              {wiring => (
                <Input
                  {...wiring}
                  name="temperature"
                  type="number"
                  min={0}
                  max={2}
                  step={0.05}
                  defaultValue={value.temperature}
                />
              )}
            </Field>
            <Field label="Top p" hint="above 0, to 1">
              {wiring => (
                <Input
                  {...wiring}
                  name="top_p"
                  type="number"
                  min={0.01}
                  max={1}
                  step={0.01}
                  defaultValue={value.topP}
                />
              )}
            </Field>
            <Field label="Longest answer" hint="tokens">
              {wiring => (
                <Input
                  {...wiring}
                  name="max_tokens"
                  type="number"
                  min={1}
                  step={1}
                  defaultValue={value.maxTokens}
                />
              )}
            </Field>
          </div>
          <Field label="Reasoning" hint="How much a model may think before it answers, where it can.">
            {wiring => (
              <Select {...wiring} name="effort" defaultValue={value.effort ?? ''}>
                <option value="">As the model usually does</option>
                {['none', 'low', 'medium', 'high'].map(effort => (
                  <option key={effort}>{effort}</option>
                ))}
              </Select>
            )}
          </Field>
          <DialogActions>
            <Button kind="quiet" onClick={() => setOpen(false)}>
              Cancel
            </Button>
            <Button kind="primary" type="submit">
              Use
            </Button>
          </DialogActions>
        </form>
      </Dialog>
    </>
  );
}
