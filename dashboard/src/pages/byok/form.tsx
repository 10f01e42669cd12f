import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type CredentialProvider, storeCredential, type TestResult, testKey } from '../../api/credentials';
import { refresh, workspacesQuery } from '../../api/queries';
import { fieldError, otherError } from '../../api/refusal';
import { useReason } from '../../session/session';
import { Button } from '../../ui/button';
import { Checkbox, Field, Input, Select } from '../../ui/field';
import { Refusal } from '../../ui/states';
import { Verdict } from './verdict';

/** Tries what was typed when the writer pauses: nobody has to press anything for it. A verdict that
    is of another text than the one that stands there is never shown. */
export function useTest(provider: string, key: string, base: string, waits: boolean) {
  return useQuery({
    // The key itself names the query, and goes with it as soon as nobody looks.
    queryKey: ['try-key', provider, key, base],
    enabled: !waits,
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    refetchOnWindowFocus: false,
    queryFn: async ({ signal }): Promise<TestResult> => {
      await new Promise(done => setTimeout(done, 500));
      if (signal.aborted) throw new Error('Another key was typed.');
      return testKey({ provider, key, ...(base && { base_url: base }) }, signal);
    },
  });
}

type Props = { provider: CredentialProvider; isFallback?: boolean; onStored: () => void };

/** A provider's key: pasted, tried at once, and stored unless the provider refuses it. */
export function CredentialForm({ provider, isFallback = false, onStored }: Props) {
  const client = useQueryClient();
  const reason = useReason('credentials');
  const workspaces = useQuery(workspacesQuery);
  const [key, setKey] = useState('');
  const [base, setBase] = useState('');
  // Servers that ask for no key are sent none, but a credential has one.
  const typed = key.trim() || (provider.key_optional ? 'none' : '');
  const asksAddress = provider.needs_base_url || provider.key_optional;
  const lacksBase = provider.needs_base_url && !/^https?:\/\/./.test(base.trim());
  const waits = lacksBase || typed === '';
  const test = useTest(provider.slug, typed, base.trim(), waits);
  const storing = useMutation({
    mutationFn: (form: FormData) =>
      storeCredential({
        provider: provider.slug,
        key: typed,
        ...(base.trim() && { base_url: base.trim() }),
        name: String(form.get('label') ?? '').trim() || undefined,
        is_fallback: form.get('fallback') === 'on',
        workspace_id: String(form.get('workspace') ?? '') || null,
      }),
    onSuccess: async () => {
      await refresh(client, 'credentials', 'credential-providers', 'models', 'models-of-mine');
      onStored();
    },
  });
  const rejected = test.data?.state === 'rejected';
  const address = (
    <Field
      label="Address"
      hint={
        provider.needs_base_url ? 'Where its API is, as http:// or https://.' : `Empty: ${provider.base_url}`
      }
      error={fieldError(storing.error, 'base_url')}
    >
      {wiring => (
        <Input
          {...wiring}
          type="url"
          required={provider.needs_base_url}
          placeholder={provider.base_url}
          value={base}
          onChange={event => setBase(event.target.value)}
          className="font-mono"
        />
      )}
    </Field>
  );
  return (
    <form
      className="grid gap-4"
      onSubmit={event => {
        event.preventDefault();
        storing.mutate(new FormData(event.currentTarget));
      }}
    >
      {asksAddress && address}
      <Field
        label={provider.key_optional ? 'Key (optional)' : 'Key'}
        hint={provider.help ?? undefined}
        error={fieldError(storing.error, 'key')}
      >
        {wiring => (
          <Input
            {...wiring}
            type="password"
            required={!provider.key_optional}
            autoComplete="off"
            data-1p-ignore
            spellCheck={false}
            value={key}
            onChange={event => setKey(event.target.value)}
            className="font-mono"
          />
        )}
      </Field>
      {!waits && (
        <div aria-live="polite">
          {test.isFetching ? (
            <p className="text-ink-3">Trying it at {provider.name}…</p>
          ) : test.data ? (
            <Verdict result={test.data} provider={provider.name} />
          ) : (
            test.error && <p className="text-warn">It could not be tried: {test.error.message}</p>
          )}
        </div>
      )}
      <Field label="Name (optional)" hint="To tell several keys of one provider apart.">
        {wiring => <Input {...wiring} name="label" maxLength={255} autoComplete="off" />}
      </Field>
      {(workspaces.data?.length ?? 0) > 1 && (
        <Field
          label="Who uses it"
          hint="What is paid with a workspace’s own key is not charged to its credit."
        >
          {wiring => (
            <Select {...wiring} name="workspace" defaultValue="">
              <option value="">Everybody</option>
              {workspaces.data?.map(one => (
                <option key={one.id} value={one.id}>
                  Only {one.name}
                </option>
              ))}
            </Select>
          )}
        </Field>
      )}
      {!asksAddress && (
        <details>
          <summary className="cursor-pointer text-ink-2">At another address</summary>
          <div className="mt-2">{address}</div>
        </details>
      )}
      <Checkbox name="fallback" label="Use it only when the others fail" defaultChecked={isFallback} />
      <Refusal error={otherError(storing.error, ['key', 'base_url'])} />
      <Button
        kind="primary"
        type="submit"
        className="justify-self-start"
        disabled={storing.isPending}
        reason={
          reason || (waits && 'Paste a key first') || (rejected && 'The provider does not accept this key')
        }
      >
        {test.data?.state === 'unknown' ? 'Store it all the same' : 'Store the key'}
      </Button>
    </form>
  );
}
