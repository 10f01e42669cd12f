import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { ApiError, read } from '../api/client';
import { signIn } from '../session/session';
import { Button } from '../ui/button';
import { Field, Input } from '../ui/field';

type KeyAnswer = { data: { label: string; is_management_key: boolean } };

/** Tries the key before it is kept: what is no management key opens nothing here. */
async function enter(key: string) {
  const { data } = await read<KeyAnswer>('api/v1/key', {}, key);
  if (!data.is_management_key) {
    throw new Error(
      'This key asks models; the dashboard needs a management key. Make one with the command below.',
    );
  }
  signIn(key, data.label);
}

function refusal(error: Error | null): string | null {
  if (!error) return null;
  if (error instanceof ApiError && error.status === 401)
    return 'The server does not know this key, or it is disabled.';
  if (error instanceof TypeError) return 'The server did not answer. See that it runs and can be reached.';
  return error.message;
}

export function SignInPage() {
  const client = useQueryClient();
  const entering = useMutation({ mutationFn: enter, onSuccess: () => client.clear() });
  useEffect(() => {
    document.title = 'Sign in · Trunkline';
  }, []);
  return (
    <main className="grid min-h-dvh place-items-center p-6">
      <div className="w-full max-w-md">
        <svg width="100%" height="20" viewBox="0 0 400 20" preserveAspectRatio="xMinYMid meet" aria-hidden>
          <path d="M0 10h400" stroke="var(--edge)" strokeWidth="2" />
          <circle cx="12" cy="10" r="5" fill="var(--paper)" stroke="var(--edge)" strokeWidth="2" />
          <circle cx="60" cy="10" r="7" fill="var(--accent)" />
        </svg>
        <h1 className="mt-4 text-xl font-bold tracking-tight">Sign in to Trunkline</h1>
        <form
          className="mt-5 grid gap-4"
          onSubmit={event => {
            event.preventDefault();
            entering.mutate(String(new FormData(event.currentTarget).get('key')).trim());
          }}
        >
          <Field
            label="Management key"
            error={refusal(entering.error)}
            hint="Kept in this tab only, and gone when it is closed."
          >
            {wiring => (
              <Input
                {...wiring}
                name="key"
                type="password"
                required
                autoComplete="current-password"
                spellCheck={false}
                className="font-mono"
              />
            )}
          </Field>
          <Button kind="primary" type="submit" disabled={entering.isPending} className="justify-self-start">
            {entering.isPending ? 'Signing in…' : 'Sign in'}
          </Button>
        </form>
        <h2 className="mt-8 text-sm font-semibold">No key yet?</h2>
        <p className="mt-1 text-ink-2">On the server’s machine, in its folder, run:</p>
        <code className="mt-2 block overflow-x-auto rounded-m bg-sunken px-3 py-2 font-mono text-xs whitespace-nowrap">
          trunkline key create --name console --management
        </code>
      </div>
    </main>
  );
}
