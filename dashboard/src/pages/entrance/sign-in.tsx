import { useMutation, useQuery } from '@tanstack/react-query';
import { useRouterState } from '@tanstack/react-router';
import { ApiError, at, read } from '../../api/client';
import { withMoments } from '../../lib/moment';
import { login, type Ways } from '../../session/enter';
import { Door } from '../../shell/door';
import { Button, buttonClass } from '../../ui/button';
import { Field, Input } from '../../ui/field';
import { MailField } from './account-fields';

const FAILED: Record<string, string> = {
  sign_on_unavailable: 'The sign-on service cannot be reached, or does not answer as it should.',
  sign_on_denied: 'The sign-on service said no.',
  sign_on_expired: 'It took too long, or was begun in another browser. Try again.',
  sign_on_failed: 'What the sign-on service says cannot be believed.',
  email_not_allowed: 'The mail address there is not verified, or not of a domain that may sign in.',
  not_a_member: 'No member of this server has that address. Ask an admin for an invitation.',
};

/** Why a sign-on failed. Anybody can write an address, so that no word of one is shown. */
export const failure = (word: string) =>
  Object.hasOwn(FAILED, word) ? FAILED[word] : 'Signing in did not work. Try again.';

function refusal(error: Error | null): string | null {
  if (!error) return null;
  if (error instanceof TypeError) return 'The server did not answer. See that it runs and can be reached.';
  if (error instanceof ApiError || error.message) return withMoments(error.message);
  return 'It did not work.';
}

/** Shown at whatever address was asked for, which is there again once somebody is signed in. */
export function SignInPage() {
  const ways = useQuery({
    queryKey: ['sign-in'],
    queryFn: () => read<Ways>('api/internal/sign-in'),
    staleTime: 60_000,
  });
  const { asked, failed } = useRouterState({
    select: ({ location }) => ({
      asked: location.href,
      failed: (location.search as { error?: string }).error,
    }),
  });
  const entering = useMutation({
    mutationFn: (form: FormData) => login(String(form.get('email')).trim(), String(form.get('password'))),
  });
  const oidc = ways.data?.oidc;
  return (
    <Door title="Sign in to Trunkline">
      {failed && (
        <p role="alert" className="mt-4 border-l-2 border-bad pl-3 text-bad">
          {failure(failed)}
        </p>
      )}
      {oidc && (
        <div className="mt-5 grid gap-4">
          <a
            className={buttonClass(ways.data?.password ? 'plain' : 'primary')}
            href={oidcAddress(oidc.url, asked)}
          >
            Continue with {oidc.name}
          </a>
          {ways.data?.password && <p className="text-xs text-ink-3">or with a password</p>}
        </div>
      )}
      {ways.data?.password !== false && (
        <form
          className="mt-5 grid gap-4"
          onSubmit={event => {
            event.preventDefault();
            entering.mutate(new FormData(event.currentTarget));
          }}
        >
          <MailField />
          <Field label="Password" error={refusal(entering.error)}>
            {wiring => (
              <Input {...wiring} name="password" type="password" required autoComplete="current-password" />
            )}
          </Field>
          <Button kind="primary" type="submit" disabled={entering.isPending} className="justify-self-start">
            {entering.isPending ? 'Signing in…' : 'Sign in'}
          </Button>
        </form>
      )}
      <p className="mt-8 text-xs text-ink-3">
        Forgotten? An admin makes a link for a new password, or on the server’s machine{' '}
        <code className="font-mono">trunkline member reset MAIL</code>.
      </p>
    </Door>
  );
}

/** Where the sign-on begins, with the address to come back to. */
function oidcAddress(url: string, asked: string): string {
  const address = new URL(at(url.replace(/^\//, '')), location.href);
  address.searchParams.set('return_to', asked);
  return address.href;
}
