import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useAllKeys } from '../../api/all-keys';
import { type Credential, changeCredential, deleteCredential } from '../../api/credentials';
import { membersQuery, modelsQuery, refresh } from '../../api/queries';
import { fieldError, otherError } from '../../api/refusal';
import { Button } from '../../ui/button';
import { Dialog, DialogActions } from '../../ui/dialog';
import { Checkbox, Field, Input, TextArea } from '../../ui/field';
import { Refusal } from '../../ui/states';
import { memberName } from '../members/member-name';
import { useTest } from './form';
import { Verdict } from './verdict';

const FIELDS = ['name', 'key', 'allowed_models', 'allowed_api_key_hashes', 'allowed_user_ids'];

export function EditCredential({
  credential,
  provider,
  onClose,
}: {
  credential: Credential | null;
  provider: string;
  onClose: () => void;
}) {
  return (
    <Dialog
      open={credential !== null}
      onClose={onClose}
      title={`${provider}: ${credential?.name || credential?.label || ''}`}
    >
      {credential && <EditForm of={credential} provider={provider} onClose={onClose} />}
    </Dialog>
  );
}

/** Some of a list, or all: nothing chosen means no restriction, as the server has it. */
function Choices({
  legend,
  options,
  chosen,
  onChange,
}: {
  legend: string;
  options: { value: string; label: string }[];
  chosen: string[] | null;
  onChange: (chosen: string[] | null) => void;
}) {
  const toggle = (value: string, on: boolean) => {
    const next = on ? [...(chosen ?? []), value] : (chosen ?? []).filter(one => one !== value);
    onChange(next.length ? next : null);
  };
  return (
    <fieldset>
      <legend className="text-xs font-medium text-ink-2">{legend}</legend>
      <div className="mt-1 grid max-h-36 gap-1 overflow-y-auto rounded-m border border-edge px-2.5 py-1.5">
        {options.length === 0 && <span className="text-ink-3">There are none yet.</span>}
        {options.map(option => (
          <Checkbox
            key={option.value}
            label={option.label}
            checked={chosen?.includes(option.value) ?? false}
            onChange={event => toggle(option.value, event.target.checked)}
          />
        ))}
      </div>
    </fieldset>
  );
}

/** Names that stand on lines of their own, or with commas between. */
const namesIn = (text: string) =>
  text
    .split(/[\n,]+/)
    .map(name => name.trim())
    .filter(Boolean);

function EditForm({ of, provider, onClose }: { of: Credential; provider: string; onClose: () => void }) {
  const client = useQueryClient();
  const keys = useAllKeys({});
  const space = keys.workspaces.find(one => one.id === of.workspace_id);
  const eligible = (keys.data?.keys ?? []).filter(
    key => of.workspace_id === null || key.workspace_id === of.workspace_id,
  );
  const members = useQuery(membersQuery);
  const models = useQuery(modelsQuery);
  const [secret, setSecret] = useState('');
  const [hashes, setHashes] = useState(of.allowed_api_key_hashes);
  const [users, setUsers] = useState(of.allowed_user_ids);
  const [allowed, setAllowed] = useState(of.allowed_models?.join('\n') ?? '');
  const spaced = namesIn(allowed).find(name => /\s/.test(name));
  const test = useTest(of.provider, secret.trim(), '', secret.trim() === '');
  const saving = useMutation({
    mutationFn: (form: FormData) => {
      const slugs = namesIn(String(form.get('models')));
      return changeCredential(of.id, {
        name: String(form.get('label')).trim() || null,
        disabled: form.get('disabled') === 'on',
        allowed_models: slugs.length ? slugs : null,
        allowed_api_key_hashes: hashes,
        allowed_user_ids: users,
        ...(secret.trim() && { key: secret.trim() }),
      });
    },
    onSuccess: async () => {
      await refresh(client, 'credentials', 'credential-providers');
      onClose();
    },
  });
  return (
    <form
      className="grid gap-4"
      onSubmit={event => {
        event.preventDefault();
        saving.mutate(new FormData(event.currentTarget));
      }}
    >
      <p className="text-ink-2">
        {of.workspace_id === null ? (
          'Every workspace uses it.'
        ) : (
          <>
            Only the workspace <b>{space?.name ?? of.workspace_id}</b> uses it.
          </>
        )}
      </p>
      <Field label="Name" error={fieldError(saving.error, 'name')}>
        {wiring => <Input {...wiring} name="label" maxLength={255} defaultValue={of.name ?? ''} />}
      </Field>
      <Field
        label="Another key in its place"
        error={fieldError(saving.error, 'key')}
        hint={`Empty: ${of.label} stays. It is never shown again.`}
      >
        {wiring => (
          <Input
            {...wiring}
            type="password"
            autoComplete="off"
            spellCheck={false}
            className="font-mono"
            value={secret}
            onChange={event => setSecret(event.target.value)}
          />
        )}
      </Field>
      {secret.trim() && (
        <div aria-live="polite">
          {test.isFetching ? (
            <p className="text-ink-3">Trying it at {provider}…</p>
          ) : (
            test.data && <Verdict result={test.data} provider={provider} />
          )}
        </div>
      )}
      <Field
        label="Only for these models"
        hint={`One a line or with commas between, such as ${models.data?.[0]?.id ?? 'openai/gpt-5-mini'}. Empty: for all.`}
        error={
          spaced
            ? `“${spaced}” is no name of a model: it has a space. One a line.`
            : fieldError(saving.error, 'allowed_models')
        }
      >
        {wiring => (
          <TextArea
            {...wiring}
            name="models"
            rows={2}
            spellCheck={false}
            className="font-mono text-xs"
            value={allowed}
            onChange={event => setAllowed(event.target.value)}
          />
        )}
      </Field>
      <details open={Boolean(hashes || users)}>
        <summary className="cursor-pointer text-ink-2">Only for some keys or members</summary>
        <div className="mt-2 grid gap-3">
          <Choices
            legend="API keys (none chosen: all)"
            options={eligible.map(key => ({ value: key.hash, label: key.name }))}
            chosen={hashes}
            onChange={setHashes}
          />
          <Choices
            legend="Members (none chosen: all)"
            options={(members.data ?? []).map(one => ({ value: one.id, label: memberName(one) }))}
            chosen={users}
            onChange={setUsers}
          />
        </div>
      </details>
      <Checkbox
        name="disabled"
        label="Disabled"
        hint="It stays stored, and no request uses it."
        defaultChecked={of.disabled}
      />
      <Refusal error={otherError(saving.error, FIELDS)} />
      <DialogActions>
        <Button kind="quiet" onClick={onClose}>
          Cancel
        </Button>
        <Button
          kind="primary"
          type="submit"
          disabled={saving.isPending}
          reason={
            (test.data?.state === 'rejected' && 'The provider does not accept the new key') ||
            (spaced !== undefined && 'Names of models have no spaces')
          }
        >
          Save
        </Button>
      </DialogActions>
    </form>
  );
}

export function DeleteCredential({
  credential,
  provider,
  isLast,
  onClose,
}: {
  credential: Credential | null;
  provider: string;
  isLast: boolean;
  onClose: () => void;
}) {
  const client = useQueryClient();
  const deleting = useMutation({
    mutationFn: (id: string) => deleteCredential(id),
    onSuccess: async () => {
      await refresh(client, 'credentials', 'credential-providers', 'models');
      onClose();
    },
  });
  return (
    <Dialog
      open={credential !== null}
      onClose={onClose}
      title={`Delete ${credential?.name || credential?.label || ''}?`}
    >
      {credential && (
        <form
          className="grid gap-4"
          onSubmit={event => {
            event.preventDefault();
            deleting.mutate(credential.id);
          }}
        >
          <p className="text-ink-2">
            {isLast
              ? `It is the only key of ${provider}: requests can no longer go there.`
              : `Requests to ${provider} go on with its other keys.`}{' '}
            The provider itself still knows the key; withdraw it there as well.
          </p>
          <Refusal error={deleting.error} />
          <DialogActions>
            <Button kind="quiet" onClick={onClose}>
              Cancel
            </Button>
            <Button kind="danger" type="submit" disabled={deleting.isPending}>
              Delete key
            </Button>
          </DialogActions>
        </form>
      )}
    </Dialog>
  );
}
