import { type RefObject, useRef, useState } from 'react';
import type { Parameters } from '../../chat/conversation';
import { countOf, type Settings } from '../../chat/settings';
import { Button } from '../../ui/button';
import { Dialog, DialogActions } from '../../ui/dialog';
import { Field, Input, Select, TextArea } from '../../ui/field';

const number = (form: FormData, name: string) => {
  const text = String(form.get(name) ?? '').trim();
  return text === '' ? undefined : Number(text);
};
const text = (form: FormData, name: string) => String(form.get(name) ?? '').trim() || undefined;

const read = (form: FormData): Parameters => ({
  system: text(form, 'system'),
  temperature: number(form, 'temperature'),
  topP: number(form, 'top_p'),
  maxTokens: number(form, 'max_tokens'),
  seed: number(form, 'seed'),
  effort: text(form, 'effort'),
  providers: text(form, 'providers'),
});
/** What is not set does not stand there, so that a column's own is only what it has. */
const compact = (parameters: Parameters): Parameters =>
  Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== undefined));

type Props = { settings: Settings; models: string[]; onChange: (settings: Settings) => void };

/** What is sent with every question, and what one column has of its own. What is left empty is the
    provider's to choose. */
export function ParameterPanel(props: Props) {
  const [open, setOpen] = useState(false);
  const { settings, models } = props;
  const set = countOf(settings.common) + models.reduce((sum, _, at) => sum + countOf(settings.own[at]), 0);
  return (
    <>
      <Button kind="quiet" onClick={() => setOpen(true)}>
        Parameters{set > 0 && ` (${set})`}
      </Button>
      <Dialog open={open} onClose={() => setOpen(false)} title="Parameters">
        <Panel {...props} onClose={() => setOpen(false)} />
      </Dialog>
    </>
  );
}

type Of = number | 'common';
const withPart = (settings: Settings, of: Of, part: Parameters): Settings =>
  of === 'common' ? { ...settings, common: part } : { ...settings, own: { ...settings.own, [of]: part } };

function Panel({ settings, models, onChange, onClose }: Props & { onClose: () => void }) {
  const [of, setOf] = useState<Of>('common');
  // What was typed for one is kept while another is looked at, and used with it.
  const [typed, setTyped] = useState(settings);
  const form = useRef<HTMLFormElement>(null);
  const withForm = () =>
    form.current ? withPart(typed, of, compact(read(new FormData(form.current)))) : typed;
  const look = (next: Of) => {
    if (!form.current?.reportValidity()) return;
    setTyped(withForm());
    setOf(next);
  };
  return (
    <>
      {models.length > 1 && (
        <Field label="For" className="mb-4">
          {wiring => (
            <Select
              {...wiring}
              value={String(of)}
              onChange={event => {
                look(event.target.value === 'common' ? 'common' : Number(event.target.value));
                // Where something is refused it stays, and says so.
                event.currentTarget.value = String(of);
              }}
            >
              <option value="common">All models</option>
              {models.map((model, place) => (
                <option key={place} value={place}>
                  Only {model}
                  {countOf(typed.own[place]) > 0 ? ` (${countOf(typed.own[place])})` : ''}
                </option>
              ))}
            </Select>
          )}
        </Field>
      )}
      <Form
        key={String(of)}
        form={form}
        value={of === 'common' ? typed.common : (typed.own[of] ?? {})}
        inherited={of === 'common' ? {} : typed.common}
        onCancel={onClose}
        onUse={() => {
          onChange(withForm());
          onClose();
        }}
      />
    </>
  );
}

type FormProps = {
  form: RefObject<HTMLFormElement | null>;
  value: Parameters;
  /** What holds where nothing stands. */
  inherited: Parameters;
  onCancel: () => void;
  onUse: () => void;
};
function Form({ form, value, inherited, onCancel, onUse }: FormProps) {
  const hint = (given: unknown, usual: string) => (given === undefined ? usual : `${given} for all`);
  const numbers = [
    ['temperature', 'Temperature', '0 to 2', 0, 2, 0.05, value.temperature, inherited.temperature],
    ['top_p', 'Top p', 'above 0, to 1', 0.01, 1, 0.01, value.topP, inherited.topP],
    ['max_tokens', 'Longest answer', 'tokens', 1, undefined, 1, value.maxTokens, inherited.maxTokens],
    ['seed', 'Seed', 'a whole number', 0, undefined, 1, value.seed, inherited.seed],
  ] as const;
  return (
    <form
      ref={form}
      className="grid gap-4"
      onSubmit={event => {
        event.preventDefault();
        onUse();
      }}
    >
      <Field label="System prompt" hint={inherited.system && 'Empty: the one for all models.'}>
        {wiring => <TextArea {...wiring} name="system" rows={4} defaultValue={value.system} />}
      </Field>
      <div className="grid grid-cols-4 gap-4 max-md:grid-cols-2">
        {numbers.map(([name, label, usual, min, max, step, own, common]) => (
          <Field key={name} label={label} hint={hint(common, usual)}>
            {wiring => (
              <Input
                {...wiring}
                name={name}
                type="number"
                min={min}
                max={max}
                step={step}
                defaultValue={own}
              />
            )}
          </Field>
        ))}
      </div>
      <Field label="Reasoning" hint="How much a model may think before it answers, where it can.">
        {wiring => (
          <Select {...wiring} name="effort" defaultValue={value.effort ?? ''}>
            <option value="">
              {inherited.effort ? `${inherited.effort}, as for all` : 'As the model usually does'}
            </option>
            {['none', 'low', 'medium', 'high'].map(effort => (
              <option key={effort}>{effort}</option>
            ))}
          </Select>
        )}
      </Field>
      <Field
        label="Only these providers"
        hint={hint(inherited.providers, 'By slug, in this order. Empty: as routed.')}
      >
        {wiring => (
          <Input {...wiring} name="providers" defaultValue={value.providers} className="font-mono text-xs" />
        )}
      </Field>
      <DialogActions>
        <Button kind="quiet" onClick={onCancel}>
          Cancel
        </Button>
        <Button kind="primary" type="submit">
          Use
        </Button>
      </DialogActions>
    </form>
  );
}
