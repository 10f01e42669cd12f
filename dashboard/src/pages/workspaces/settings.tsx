import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client';
import { modelsQuery, refresh, type Workspace, writesText } from '../../api/queries';
import { fieldError, otherError } from '../../api/refusal';
import { useReason } from '../../session/session';
import { Button } from '../../ui/button';
import { Checkbox, Field, Input, Select, TextArea } from '../../ui/field';
import { Refusal } from '../../ui/states';

const FIELDS = ['name', 'description', 'default_text_model', 'default_provider_sort'];
const SORTS = [
  ['', 'Price, weighed with how providers have been doing'],
  ['price', 'The cheapest first'],
  ['throughput', 'The most tokens a second first'],
  ['latency', 'The least time to the first token first'],
  ['exacto', 'The best with tools first'],
] as const;
/** As many names as a list under a field can be looked through. */
const OFFERED = 50;

/** What holds for every request with a key of the workspace that does not say otherwise. */
export function Settings({ workspace }: { workspace: Workspace }) {
  const client = useQueryClient();
  const [changed, setChanged] = useState(false);
  const [model, setModel] = useState(workspace.default_text_model ?? '');
  const reason = useReason('workspaces');
  const models = useQuery(modelsQuery);
  const saving = useMutation({
    mutationFn: (form: FormData) => {
      const text = (name: string) => String(form.get(name) ?? '').trim();
      return api.PATCH('/api/v1/workspaces/{id}', {
        params: { path: { id: workspace.id } },
        body: {
          name: text('name'),
          description: text('description') || null,
          default_text_model: text('default_text_model') || null,
          default_provider_sort: text('default_provider_sort') || null,
          stores_responses: form.get('stores_responses') === 'on',
        },
      });
    },
    onSuccess: () => refresh(client, 'workspaces'),
  });
  const looked = model.trim().toLowerCase();
  const offered = (models.data ?? [])
    .filter(one => writesText(one) && one.id.toLowerCase().includes(looked))
    .slice(0, OFFERED);
  // Aliases and suffixes are names, too, that no list has: it is said, and not refused.
  const isUnknown = looked !== '' && models.data?.every(one => one.id !== model.trim());
  const disabled = Boolean(reason);
  return (
    <form
      className="grid gap-4"
      onInput={() => setChanged(true)}
      onReset={() => {
        setChanged(false);
        setModel(workspace.default_text_model ?? '');
        saving.reset();
      }}
      onSubmit={event => {
        event.preventDefault();
        saving.mutate(new FormData(event.currentTarget));
      }}
    >
      <Field label="Name" error={fieldError(saving.error, 'name')}>
        {wiring => (
          <Input
            {...wiring}
            name="name"
            required
            maxLength={100}
            disabled={disabled}
            defaultValue={workspace.name}
          />
        )}
      </Field>
      <Field label="Description" error={fieldError(saving.error, 'description')}>
        {wiring => (
          <TextArea
            {...wiring}
            name="description"
            rows={2}
            maxLength={500}
            disabled={disabled}
            defaultValue={workspace.description ?? ''}
          />
        )}
      </Field>
      <Field
        label="Model of requests that name none"
        error={fieldError(saving.error, 'default_text_model')}
        hint={
          isUnknown
            ? 'No model that can be used now has exactly this name.'
            : 'Of requests for text. Empty: such requests are refused.'
        }
      >
        {wiring => (
          <>
            <Input
              {...wiring}
              name="default_text_model"
              maxLength={200}
              list="default-models"
              placeholder="author/model"
              autoComplete="off"
              spellCheck={false}
              disabled={disabled}
              value={model}
              onChange={event => setModel(event.target.value)}
            />
            <datalist id="default-models">
              {offered.map(one => (
                <option key={one.id} value={one.id} />
              ))}
            </datalist>
          </>
        )}
      </Field>
      <Field
        label="Order of providers"
        error={fieldError(saving.error, 'default_provider_sort')}
        hint="Where a request, its suffix (:nitro, :floor) or its tier says none."
      >
        {wiring => (
          <Select
            {...wiring}
            name="default_provider_sort"
            disabled={disabled}
            defaultValue={workspace.default_provider_sort ?? ''}
          >
            {SORTS.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Checkbox
        name="stores_responses"
        label="Keep conversations of the Responses API"
        hint="Where a request asks for it (store: true): encrypted, so that a later one can go on from them. Off: nothing of prompts and answers is kept."
        disabled={disabled}
        defaultChecked={workspace.stores_responses}
      />
      <Refusal error={otherError(saving.error, FIELDS)} />
      {reason && <p className="text-ink-3">{reason}.</p>}
      {changed && !reason && (
        <div className="flex gap-2">
          <Button kind="primary" type="submit" disabled={saving.isPending}>
            Save
          </Button>
          <Button kind="quiet" type="reset">
            Discard
          </Button>
        </div>
      )}
    </form>
  );
}
